#include "server/odata/parser.h"

#include <algorithm>

#include "base/bytes.h"
#include "server/odata/build.h"
#include "server/odata/lexer.h"
#include "server/odata/literal.h"

namespace reachback::server::odata {
namespace {

struct Operator {
  std::string_view name;
  Op op;
  bool negated;
  Op turned;  // with the two sides exchanged
};
constexpr Operator kOperators[] = {{"eq", Op::in, false, Op::in}, {"ne", Op::in, true, Op::in},
                                   {"gt", Op::gt, false, Op::lt}, {"ge", Op::ge, false, Op::le},
                                   {"lt", Op::lt, false, Op::gt}, {"le", Op::le, false, Op::ge}};

struct Function {
  std::string_view name;
  Op op;
};
constexpr Function kFunctions[] = {
    {"startswith", Op::starts_with}, {"endswith", Op::ends_with}, {"contains", Op::contains}};

// Types whose values are equal or not, and nothing else.
bool has_order(Type type) {
  return type == Type::text || type == Type::folded_text || type == Type::number ||
         type == Type::date;
}

class FilterParser {
 public:
  FilterParser(const Entity& entity, std::string_view text, const Bounds& bounds)
      : entity_(entity), bounds_(bounds), lexer_("$filter", text) {}

  Result<Node> parse() {
    RB_TRY(advance());
    std::vector<Frame> open(1);
    bool negate = false, operand = true;  // operand: what comes next is one
    while (true) {
      Frame& frame = open.back();
      if (operand && is_word("not")) {
        negate = !negate;
        RB_TRY(advance());
      } else if (operand && token_.is_sign('(')) {
        if (open.size() > bounds_.nesting) {
          return error("more than " + std::to_string(bounds_.nesting) +
                       " parentheses stand within one another");
        }
        open.push_back(Frame{frame.negated != negate});
        negate = false;
        RB_TRY(advance());
      } else if (operand) {
        RB_TRY_ASSIGN(Node term, parse_term(frame.negated != negate));
        frame.factors.push_back(std::move(term));
        negate = operand = false;
      } else if (is_word("and") || is_word("or")) {
        if (is_word("or")) {
          frame.close_summand();
        }
        operand = true;
        RB_TRY(advance());
      } else if (token_.is_sign(')') && open.size() > 1) {
        Node node = frame.close();
        open.pop_back();
        open.back().factors.push_back(std::move(node));
        RB_TRY(advance());
      } else if (token_.kind == Token::Kind::end && open.size() == 1) {
        return frame.close();
      } else {
        return token_.kind == Token::Kind::end
                   ? error("a ')' is missing")
                   : error(shown(token_.text) + " stands where 'and' or 'or' is expected");
      }
    }
  }

 private:
  // What stands in one pair of parentheses: summands of factors. In a negated one each is the other
  // (not (a and b): not a or not b), and the terms come negated.
  struct Frame {
    bool negated = false;
    std::vector<Node> summands{};
    std::vector<Node> factors{};

    void close_summand() {
      summands.push_back(joined(negated ? Node::Kind::any : Node::Kind::all, std::move(factors)));
      factors.clear();
    }
    Node close() {
      close_summand();
      return joined(negated ? Node::Kind::all : Node::Kind::any, std::move(summands));
    }
  };

  Result<void> advance() {
    RB_TRY_ASSIGN(token_, lexer_.next());
    return {};
  }
  bool is_word(std::string_view word) const {
    return token_.kind == Token::Kind::word && equals_ignore_case(token_.text, word);
  }
  Error error(std::string_view what) const { return lexer_.error(token_.at, what); }
  Error unexpected(std::string_view wanted) const {
    std::string what = token_.kind == Token::Kind::end ? "the filter ends" : shown(token_.text);
    return error(what + (token_.kind == Token::Kind::end ? " where " : " stands where ") +
                 std::string(wanted) + " is expected");
  }
  Result<void> want_sign(char c) {
    if (!token_.is_sign(c)) {
      return unexpected(std::string("'") + c + "'");
    }
    return advance();
  }

  // The current token as what is asked about.
  Result<const Property*> parse_property() {
    if (token_.kind != Token::Kind::word) {
      return unexpected("a property");
    }
    if (variable_ != nullptr) {
      if (!equals_ignore_case(token_.text, variable_name_)) {
        return error(shown(token_.text) + " is not the variable of this any()");
      }
      return variable_;
    }
    const Property* property = entity_.find(token_.text);
    if (property == nullptr) {
      return error(shown(token_.text) + " is no property of " + std::string(entity_.name));
    }
    if (property->type == Type::opaque) {
      return error(std::string(property->name) + " cannot be filtered by");
    }
    return property;
  }

  Result<Literal> parse_value(const Property& property) {
    if (++values_ > bounds_.values) {
      return error("more than " + std::to_string(bounds_.values) + " values");
    }
    if (variable_ != nullptr && is_word("null")) {
      return error("no value of " + std::string(property.name) + " is null");
    }
    RB_TRY_ASSIGN(Literal literal, parse_literal(lexer_, property, token_));
    RB_TRY(advance());
    return literal;
  }

  Result<Node> parse_term(bool negated) {
    if (++terms_ > bounds_.terms) {
      return error("more than " + std::to_string(bounds_.terms) + " comparisons");
    }
    bool literal = token_.kind == Token::Kind::literal || token_.kind == Token::Kind::text ||
                   is_word("null") || is_word("true") || is_word("false");
    if (literal) {
      return parse_turned(negated);
    }
    if (token_.kind != Token::Kind::word) {
      return unexpected("a property, a function or a value");
    }
    const Token name = token_;
    const Lexer behind_name = lexer_;
    RB_TRY(advance());
    if (token_.is_sign('(')) {
      return parse_function(name, negated);
    }
    lexer_ = behind_name;
    token_ = name;
    RB_TRY_ASSIGN(const Property* property, parse_property());
    RB_TRY(advance());
    if (property->type == Type::texts && variable_ == nullptr) {
      return parse_any(*property, negated);
    }
    return parse_comparison(*property, negated);
  }

  // 'Pending' eq status
  Result<Node> parse_turned(bool negated) {
    const Token literal = token_;
    RB_TRY(advance());
    RB_TRY_ASSIGN(const Operator* op, parse_operator());
    RB_TRY_ASSIGN(const Property* property, parse_property());
    if (property->type == Type::texts && variable_ == nullptr) {
      return error(use_any(*property));
    }
    RB_TRY(check_operator(*property, *op));
    const Token behind = token_;
    token_ = literal;
    const Lexer after = lexer_;
    RB_TRY_ASSIGN(Literal value, parse_value(*property));
    lexer_ = after;
    token_ = behind;
    RB_TRY(advance());
    return compared(*property, op->turned, op->negated != negated, std::move(value));
  }

  Result<const Operator*> parse_operator() {
    for (const Operator& op : kOperators) {
      if (is_word(op.name)) {
        op_token_ = token_;
        RB_TRY(advance());
        return &op;
      }
    }
    return unexpected("eq, ne, gt, ge, lt, le or in");
  }

  // Of the operator that was read last.
  Result<void> check_operator(const Property& property, const Operator& op) const {
    if (op.op != Op::in && !has_order(property.type)) {
      return lexer_.error(op_token_.at, shown(op_token_.text) + " does not fit " +
                                            std::string(property.name) + ": use eq, ne or in");
    }
    if (variable_ != nullptr && (op.negated || op.op != Op::in)) {
      return lexer_.error(op_token_.at, shown(op_token_.text) +
                                            " is not served in any(): use eq, in, startswith, "
                                            "endswith or contains");
    }
    return {};
  }

  Result<Node> parse_comparison(const Property& property, bool negated) {
    if (is_word("in")) {
      return parse_in(property, negated);
    }
    bool alone =
        token_.kind == Token::Kind::end || token_.is_sign(')') || is_word("and") || is_word("or");
    if (property.type == Type::boolean && alone) {
      return term_node({&property, Op::in, negated, {Value(std::int64_t{1})}});
    }
    RB_TRY_ASSIGN(const Operator* op, parse_operator());
    RB_TRY(check_operator(property, *op));
    RB_TRY_ASSIGN(Literal value, parse_value(property));
    return compared(property, op->op, op->negated != negated, std::move(value));
  }

  // A moment between two of ours is equal to none, and what is after it is after the first of them.
  Node compared(const Property& property, Op op, bool negated, Literal literal) {
    Term term{&property, op, negated, {}};
    if (literal.rounded && op == Op::in) {
      return term_node(std::move(term));
    }
    if (literal.rounded) {
      term.op = op == Op::ge ? Op::gt : op == Op::lt ? Op::le : op;
    }
    term.values.push_back(std::move(literal.value));
    return term_node(std::move(term));
  }

  Result<Node> parse_in(const Property& property, bool negated) {
    RB_TRY(advance());
    RB_TRY(want_sign('('));
    Term term{&property, Op::in, negated, {}};
    while (true) {
      RB_TRY_ASSIGN(Literal literal, parse_value(property));
      if (!literal.rounded) {
        term.values.push_back(std::move(literal.value));
      }
      if (!token_.is_sign(',')) {
        break;
      }
      RB_TRY(advance());
    }
    RB_TRY(want_sign(')'));
    return term_node(std::move(term));
  }

  // startswith(property,'text'), perhaps with `eq true` behind it. The '(' is current.
  Result<Node> parse_function(const Token& name, bool negated) {
    auto known =
        std::find_if(std::begin(kFunctions), std::end(kFunctions),
                     [&name](const Function& f) { return equals_ignore_case(f.name, name.text); });
    if (known == std::end(kFunctions)) {
      return lexer_.error(name.at, "the function " + shown(name.text) +
                                       " is not served: startswith, endswith and contains are");
    }
    RB_TRY(advance());
    RB_TRY_ASSIGN(const Property* property, parse_property());
    bool text = property->type == Type::text || property->type == Type::folded_text ||
                property == variable_;
    if (!text) {
      return error(property->type == Type::texts ? use_any(*property)
                                                 : std::string(property->name) + " is no text");
    }
    RB_TRY(advance());
    RB_TRY(want_sign(','));
    if (token_.kind != Token::Kind::text) {
      return unexpected("a text in quotes");
    }
    RB_TRY_ASSIGN(Literal literal, parse_value(*property));
    RB_TRY(want_sign(')'));
    if (variable_ == nullptr && is_word("eq")) {
      RB_TRY(advance());
      if (!is_word("true") && !is_word("false")) {
        return unexpected("true or false");
      }
      negated = negated != is_word("false");
      RB_TRY(advance());
    }
    return term_node({property, known->op, negated, {std::move(literal.value)}});
  }

  static std::string use_any(const Property& property) {
    return std::string(property.name) + " holds several texts: use " + std::string(property.name) +
           "/any(x: x eq '...')";
  }

  // machineTags/any(t: t eq 'x'). What follows the property is current.
  Result<Node> parse_any(const Property& property, bool negated) {
    if (!token_.is_sign('/')) {
      return error(use_any(property));
    }
    RB_TRY(advance());
    if (!is_word("any")) {
      return unexpected("any");
    }
    RB_TRY(advance());
    RB_TRY(want_sign('('));
    if (token_.kind != Token::Kind::word) {
      return unexpected("the name of a variable");
    }
    variable_name_ = token_.text;
    RB_TRY(advance());
    RB_TRY(want_sign(':'));
    variable_ = &property;
    --terms_;  // the term inside is the one that counts
    RB_TRY_ASSIGN(Node node, parse_term(negated));
    variable_ = nullptr;
    RB_TRY(want_sign(')'));
    return node;
  }

  const Entity& entity_;
  const Bounds& bounds_;
  Lexer lexer_;
  Token token_;     // the current one
  Token op_token_;  // the last operator
  std::uint64_t terms_ = 0, values_ = 0;
  const Property* variable_ = nullptr;  // inside any(): what its variable stands for
  std::string variable_name_;
};

}  // namespace

Result<Node> parse_filter(const Entity& entity, std::string_view text, const Bounds& bounds) {
  if (text.size() > bounds.text_bytes) {
    return Error{Errc::invalid_query,
                 "$filter is longer than " + std::to_string(bounds.text_bytes) + " bytes"};
  }
  return FilterParser(entity, text, bounds).parse();
}

}  // namespace reachback::server::odata

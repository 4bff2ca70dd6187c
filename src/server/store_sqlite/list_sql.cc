#include "server/store_sqlite/list_sql.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "server/odata/build.h"

namespace reachback::server {
namespace {

using odata::Node;
using odata::Op;
using odata::Term;

const Column& must_have(const ListTable& table, const odata::Property& property) {
  const Column* column = column_of(table, property);
  if (column == nullptr) {
    log_error("a list's table has no such column", {field("property", property.name)});
    std::abort();
  }
  return *column;
}

class Where {
 public:
  Where(const ListTable& table, Compiled& out) : table_(table), out_(out) {}

  // Recursion is bounded: odata::Node.
  void node(const Node& n) {
    if (n.kind == Node::Kind::term) {
      term(n.term);
      return;
    }
    bool all = n.kind == Node::Kind::all;
    if (n.children.empty()) {
      out_.sql += all ? "1" : "0";
      return;
    }
    const char* between = "(";
    for (const Node& child : n.children) {
      out_.sql += between;
      node(child);
      between = all ? " AND " : " OR ";
    }
    out_.sql += ")";
  }

 private:
  void term(const Term& t) {
    const Column& column = must_have(table_, *t.property);
    if (column.encoding == Encoding::list) {
      any_of_list(t, column);
    } else if (t.op == Op::in) {
      equality(t, column);
    } else if (const char* name = function(t.op)) {
      out_.sql += t.negated ? "NOT " : "";
      out_.sql += name;
      text_of(column);
      value(", ", t.values.front(), Encoding::plain, ")");
    } else {
      range(t, column);
    }
  }

  // Null among the values is told apart: nothing is equal to it in SQL.
  void equality(const Term& t, const Column& column) {
    bool null = odata::is_null(t.values.front());  // they are sorted
    std::span<const odata::Value> values(t.values);
    values = values.subspan(null ? 1 : 0);
    if (values.empty()) {
      out_.sql += column.sql;
      out_.sql += t.negated ? " IS NOT NULL" : " IS NULL";
      return;
    }
    bool or_null = t.property->nullable && null != t.negated;
    if (or_null) {
      out_.sql += "(";
      out_.sql += column.sql;
      out_.sql += " IS NULL OR ";
    }
    out_.sql += column.sql;
    if (values.size() == 1) {
      value(t.negated ? " <> " : " = ", values.front(), column.encoding, "");
    } else {
      out_.sql += t.negated ? " NOT IN (" : " IN (";
      // The last one again and again, up to a power of two: few shapes for any number of values.
      const char* before = "";
      for (std::size_t i = 0; i < std::bit_ceil(values.size()); ++i) {
        value(before, values[std::min(i, values.size() - 1)], column.encoding, "");
        before = ",";
      }
      out_.sql += ")";
    }
    out_.sql += or_null ? ")" : "";
  }

  void range(const Term& t, const Column& column) {
    bool or_null = t.negated && t.property->nullable;
    if (or_null) {
      out_.sql += "(";
      out_.sql += column.sql;
      out_.sql += " IS NULL OR ";
    }
    text_of(column);
    value(compared(t.op, t.negated), t.values.front(), Encoding::plain, or_null ? ")" : "");
  }

  // Of none of them: not of any.
  void any_of_list(const Term& t, const Column& column) {
    out_.sql += t.negated ? "NOT " : "";
    out_.sql += column.sql;
    const char* between = "(";
    for (const odata::Value& v : t.values) {
      out_.sql += between;
      if (const char* name = function(t.op)) {
        out_.sql += name;
        value("tag, ", v, Encoding::plain, ")");
      } else {
        value("tag = ", v, Encoding::plain, "");
      }
      between = " OR ";
    }
    out_.sql += "))";
  }

  // The column as text where it holds the bytes of one.
  void text_of(const Column& column) {
    bool hex = column.encoding == Encoding::hex;
    out_.sql += hex ? "lower(hex(" : "";
    out_.sql += column.sql;
    out_.sql += hex ? "))" : "";
  }

  void value(const char* before, const odata::Value& v, Encoding encoding, const char* after) {
    out_.sql += before;
    out_.sql += "?";
    out_.sql += after;
    out_.values.push_back(Bound{v, encoding});
  }

  static const char* compared(Op op, bool negated) {
    switch (op) {
      case Op::gt:
        return negated ? " <= " : " > ";
      case Op::ge:
        return negated ? " < " : " >= ";
      case Op::lt:
        return negated ? " >= " : " < ";
      case Op::le:
        return negated ? " > " : " <= ";
      case Op::in:
      case Op::starts_with:
      case Op::ends_with:
      case Op::contains:
        break;
    }
    std::abort();  // not asked
  }
  // nullptr: it is none.
  static const char* function(Op op) {
    return op == Op::starts_with ? "rb_starts_with("
           : op == Op::ends_with ? "rb_ends_with("
           : op == Op::contains  ? "rb_contains("
                                 : nullptr;
  }
  const ListTable& table_;
  Compiled& out_;
};

// Of a choice, "none of these" is "one of the others", for which there may be an index.
Node with_positive_choices(Node node) {
  if (node.kind != Node::Kind::term) {
    for (Node& child : node.children) {
      child = with_positive_choices(std::move(child));
    }
    return odata::joined(node.kind, std::move(node.children));
  }
  Term& t = node.term;
  if (t.op != Op::in || !t.negated || t.property->type != odata::Type::choice ||
      t.property->nullable) {
    return node;
  }
  std::vector<odata::Value> others;
  for (const odata::Choice& choice : t.property->choices) {
    if (std::find(t.values.begin(), t.values.end(), odata::Value(choice.number)) ==
        t.values.end()) {
      others.emplace_back(choice.number);
    }
  }
  return odata::term_node({t.property, Op::in, false, std::move(others)});
}

// The machines with one of the tags. ?1 is the tenant. As many places as a power of two, the last
// tag again and again: few shapes for any number of tags.
void machines_with(const std::vector<std::string>& tags, Compiled& out) {
  out.sql += "SELECT machine FROM machine_tags WHERE tenant = ?1 AND tag IN (";
  const char* before = "?";
  for (std::size_t i = 0; i < std::bit_ceil(tags.size()); ++i) {
    out.sql += before;
    out.values.push_back({tags[std::min(i, tags.size() - 1)], Encoding::plain});
    before = ",?";
  }
  out.sql += ")";
}

Compiled compile(const ListTable& table, const odata::Query& query, const ScopeTags& tags,
                 bool few_machines, const char* select) {
  Compiled out;
  out.sql = select;
  out.sql += table.from;
  out.sql += table.index(query, few_machines);
  out.sql += " WHERE tenant = ?";
  if (tags && table.machine != nullptr) {
    out.sql += " AND ";
    out.sql += table.machine;
    out.sql += " IN (";
    machines_with(*tags, out);
    out.sql += ")";
  }
  // One by one, so that an index is seen to fit.
  if (query.filter.kind == Node::Kind::all) {
    for (const Node& child : query.filter.children) {
      out.sql += " AND ";
      Where(table, out).node(child);
    }
  } else {
    out.sql += " AND ";
    Where(table, out).node(query.filter);
  }
  return out;
}

}  // namespace

const Column* column_of(const ListTable& table, const odata::Property& property) {
  auto found = std::find_if(table.columns.begin(), table.columns.end(),
                            [&property](const Column& c) { return c.property == property.name; });
  return found == table.columns.end() ? nullptr : &*found;
}

odata::Query for_sql(odata::Query query) {
  query.filter = with_positive_choices(std::move(query.filter));
  return query;
}

Compiled compile_keys(const ListTable& table, const odata::Query& query, const ScopeTags& tags,
                      bool few_machines) {
  Compiled out = compile(table, query, tags, few_machines, "SELECT key FROM ");
  const char* before = " ORDER BY ";
  for (const odata::OrderKey& key : query.order) {
    out.sql += before;
    out.sql += must_have(table, *key.property).sql;
    out.sql += key.descending ? " DESC" : "";
    before = ", ";
  }
  out.sql += " LIMIT ? OFFSET ?";
  return out;
}

Compiled compile_count(const ListTable& table, const odata::Query& query, const ScopeTags& tags,
                       bool few_machines) {
  return compile(table, query, tags, few_machines, "SELECT count(*) FROM ");
}

Compiled compile_machines_with(const std::vector<std::string>& tags) {
  Compiled out;
  machines_with(tags, out);
  return out;
}

Compiled compile_scope_size(const std::vector<std::string>& tags, std::uint64_t up_to) {
  Compiled out;
  out.sql = "SELECT count(*) FROM (";
  machines_with(tags, out);
  out.sql += " LIMIT ?)";
  out.values.push_back({odata::Value(static_cast<std::int64_t>(up_to)), Encoding::plain});
  return out;
}

void bind(Query& query, const Compiled& compiled) {
  for (const Bound& b : compiled.values) {
    if (const auto* number = std::get_if<std::int64_t>(&b.value)) {
      query.number(*number);
      continue;
    }
    const auto& text = std::get<std::string>(b.value);
    if (b.encoding == Encoding::guid) {
      query.blob(ActionId::parse(text).value_or(ActionId()).bytes());
    } else if (b.encoding == Encoding::hex) {
      // What is no hex is equal to no id: none is empty.
      query.blob(from_hex(text).value_or(""));
    } else {
      query.text(text);
    }
  }
}

}  // namespace reachback::server

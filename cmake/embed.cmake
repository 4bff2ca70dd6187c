# Writes IN as a C++ byte array; run by rb_embed.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${OUT} "#include <string_view>\nnamespace reachback::data {\nnamespace { constexpr char kBytes[] = {${bytes}'\\0'}; }\nextern const std::string_view ${NAME};\nconst std::string_view ${NAME}{kBytes, sizeof(kBytes) - 1};\n}\n")

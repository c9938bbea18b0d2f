# cmake -DOUT=schema_files.c "-DFILES=a.sql;b.sql" -P embed.cmake: the files as byte arrays, in order of their names.
# Bytes and not string literals: compilers need only take literals of 4095 characters.
list(SORT FILES)
set(arrays "")
set(rows "")
foreach(path ${FILES})
    get_filename_component(name ${path} NAME)
    string(MAKE_C_IDENTIFIER "file_${name}" array)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    # 16 bytes a line, each of 7 characters
    string(REPEAT "......." 16 line)
    string(REGEX REPLACE "(${line})" "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "static const char ${array}[] = {\n    ${bytes}0};\n\n")
    string(APPEND rows "    {\"${name}\", ${array}},\n")
endforeach()
file(WRITE ${OUT} "/* made by runner/store/embed.cmake */\n#include \"store/schema_files.h\"\n\n${arrays}"
    "const rn_schema_file rn_schema_files[] = {\n${rows}    {0, 0},\n};\n")

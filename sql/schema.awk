# Makes C of the schema and the migrations: an array of texts, the first the
# schema, the n-th the step from version n to n + 1. Comments and blank lines
# stay out of the program, but not out of the ledger: sqlite3 shows them.
function c_string(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	gsub(/\t/, "\\t", s)
	return "\t\"" s "\\n\""
}
BEGIN {
	print "/* Made from sql/schema.sql and sql/migrations by the build. */"
	print "#include \"ledger/query_text.h\"\n"
	print "const char *const schema_steps[] = {"
}
FNR == 1 && NR > 1 { print "\t," }
{ print c_string($0) }
END {
	print "};\n"
	print "const int schema_version ="
	print "    (int)(sizeof(schema_steps) / sizeof(schema_steps[0]));"
}

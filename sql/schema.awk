# Makes C of the schema, and of the migrations that follow it in the order of
# their numbers: the text that makes a new ledger, and an array of texts, the
# first of which brings a ledger from version 1 to 2. Comments and blank lines
# stay out of the program where they may, but not out of the ledger: sqlite3
# shows them.
function c_string(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	gsub(/\t/, "\\t", s)
	return "\t\"" s "\\n\""
}
BEGIN {
	print "/* Made from sql/schema.sql and sql/migrations by the build. */"
	print "#include \"ledger/query_text.h\"\n"
	print "const char schema_newest[] ="
}
FNR == 1 {
	files++
	if (files == 2)
		print "\t;\n\nconst char *const schema_steps[] = {"
	if (files > 2)
		print "\t,"
}
{ print c_string($0) }
END {
	print "};\n"
	print "const int schema_version ="
	print "    1 + (int)(sizeof(schema_steps) / sizeof(schema_steps[0]));"
}

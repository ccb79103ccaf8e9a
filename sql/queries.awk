# Makes C of queries.sql: with -v out=ids an enum of the names, with
# -v out=text a table of the statements in the same order.
# A statement begins with a line "-- :name NAME"; comment lines are left out.
function c_string(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	gsub(/\t/, " ", s)
	return "\"" s "\\n\""
}
function finish() {
	if (name == "")
		return
	if (text == "") {
		print "queries.sql: " name " is empty" > "/dev/stderr"
		exit 1
	}
	ids = ids "\tQ_" toupper(name) ",\n"
	table = table "\t[Q_" toupper(name) "] = { \"" name "\",\n" text "\t},\n"
}
/^-- :name / {
	finish()
	name = $3
	text = ""
	if (name in seen) {
		print "queries.sql: " name " twice" > "/dev/stderr"
		exit 1
	}
	seen[name] = 1
	next
}
/^--/ || /^[ \t]*$/ { next }
{ text = text "\t    " c_string($0) "\n" }
END {
	finish()
	print "/* Made from sql/queries.sql by the build. */"
	if (out == "ids") {
		print "#ifndef WORKNET_LEDGER_QUERY_ID_H"
		print "#define WORKNET_LEDGER_QUERY_ID_H\n"
		print "enum query_id {\n" ids "\tQUERY_COUNT\n};\n"
		print "#endif"
	} else {
		print "#include \"ledger/query_text.h\"\n"
		print "const struct query_text query_texts[QUERY_COUNT] = {"
		print table "};"
	}
}

# Makes C of queries.sql and what follows it: with -v out=ids an enum of the names, with
# -v out=text a table of the statements in the same order; and with
# -v out=prepare what has PostgreSQL prepare them all, whose parameters are
# $1, $2 where SQLite's are ?1, ?2.
# A statement begins with a line "-- :name NAME"; comment lines are left out.
function dollars(s) {
	while (match(s, /\?[0-9]+/))
		s = substr(s, 1, RSTART - 1) "$" substr(s, RSTART + 1)
	return s
}
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
		print FILENAME ": " name " is empty" > "/dev/stderr"
		exit 1
	}
	ids = ids "\tQ_" toupper(name) ",\n"
	prepared = prepared "PREPARE " name " AS\n" dollars(plain)
	table = table "\t[Q_" toupper(name) "] = { \"" name "\",\n" text "\t},\n"
}
/^-- :name / {
	finish()
	name = $3
	text = plain = ""
	if (name in seen) {
		print FILENAME ": " name " twice" > "/dev/stderr"
		exit 1
	}
	seen[name] = 1
	next
}
/^--/ || /^[ \t]*$/ { next }
{
	plain = plain $0 "\n"
	text = text "\t    " c_string($0) "\n"
}
END {
	finish()
	if (out == "prepare") {
		printf "%s", prepared
		exit
	}
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

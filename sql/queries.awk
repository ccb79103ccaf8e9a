# Makes C of queries.sql and what follows it: with -v out=ids an enum of the names, with
# -v out=text a table of the statements in the same order; and with
# -v out=prepare what has PostgreSQL prepare them all, whose parameters are
# $1, $2 where SQLite's are ?1, ?2.
# A statement begins with a line "-- :name NAME"; comment lines are left out.
# Lines "-- :columns A B *ROW" behind it name what a row of it has: C_NAME_A is 0,
# C_NAME_B 1, and so on; "*ROW" stands for the columns that lines
# "-- :row ROW A B" name, R_ROW_A and so on, from C_NAME_ROW. "= OTHER" instead:
# those of another statement.
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
# The enum of a row's columns; n is how many.
function row_enum(row, columns,   a, i, n, s) {
	n = split(columns, a, " ")
	for (i = 1; i <= n; i++)
		s = s "\tR_" toupper(row "_" a[i]) ",\n"
	return "enum {\n" s "\tR_" toupper(row) "_COLUMNS\n};\n"
}
# That of a statement's; what follows a row comes behind all of its columns.
function columns_enum(   a, i, n, s, from, up) {
	n = split(columns, a, " ")
	if (a[1] == "=") {
		count = "C_" toupper(a[2]) "_COLUMNS"
		return ""
	}
	up = "C_" toupper(name) "_"
	count = up "COLUMNS"
	for (i = 1; i <= n + 1; i++) {
		s = s "\t" up (i > n ? "COLUMNS" : toupper(substr(a[i], \
		    1 + (a[i] ~ /^\*/)))) from ",\n"
		from = a[i] ~ /^\*/ ? " = " up toupper(substr(a[i], 2)) \
		    " + R_" toupper(substr(a[i], 2)) "_COLUMNS" : ""
	}
	return "enum {\n" s "};\n"
}
function finish() {
	if (name == "")
		return
	count = 0
	if (columns != "")
		enums = enums columns_enum()
	if (text == "") {
		print FILENAME ": " name " is empty" > "/dev/stderr"
		exit 1
	}
	ids = ids "\tQ_" toupper(name) ",\n"
	prepared = prepared "PREPARE " name " AS\n" dollars(plain)
	table = table "\t[Q_" toupper(name) "] = { \"" name "\",\n" text "\t    , " count " },\n"
}
/^-- :name / {
	finish()
	name = $3
	text = plain = columns = ""
	if (name in seen) {
		print FILENAME ": " name " twice" > "/dev/stderr"
		exit 1
	}
	seen[name] = 1
	next
}
/^-- :columns / {
	columns = columns " " substr($0, 13)
	next
}
/^-- :row / {
	row = $3
	sub(/^-- :row [^ ]* /, "")
	rows[row] = rows[row] " " $0
	if (rows[row] == " " $0)
		order[++rows_n] = row
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
		for (i = 1; i <= rows_n; i++)
			print row_enum(order[i], rows[order[i]])
		print enums
		print "#endif"
	} else {
		print "#include \"ledger/query_text.h\"\n"
		print "const struct query_text query_texts[QUERY_COUNT] = {"
		print table "};"
	}
}

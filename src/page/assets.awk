# Makes C of files that are served as they are: NAME=text for each file of the
# command line, as in  awk -f assets.awk name=page_style style.css
# Files of one name follow each other. With before and after a file stands
# between two lines of these, as a licence does in a comment.
function c_string(s) {
	gsub(/\\/, "&&", s)
	gsub(/"/, "\\\"", s)
	gsub(/\t/, "\\t", s)
	gsub(/\?/, "\\?", s)	# two of them may begin a trigraph
	return "\t\"" s "\\n\""
}
function file_end() {
	if (last_after != "")
		print c_string(last_after)
}
BEGIN {
	print "/* Made by the build, of the files that src/page/page.h names. */"
	print "#include \"page/page.h\""
}
FNR == 1 {
	if (NR > 1)
		file_end()
	if (NR > 1 && name != last_name)
		print "\t;"
	if (name != last_name)
		print "\nconst char " name "[] ="
	if (before != "")
		print c_string(before)
	last_name = name
	last_after = after
}
{ print c_string($0) }
END {
	file_end()
	print "\t;"
}

# Makes C of files that are served as they are: NAME=text for each file of the
# command line, as in  awk -f assets.awk name=page_style style.css
function c_string(s) {
	gsub(/\\/, "&&", s)
	gsub(/"/, "\\\"", s)
	gsub(/\t/, "\\t", s)
	return "\t\"" s "\\n\""
}
BEGIN {
	print "/* Made by the build, of the files that src/page/page.h names. */"
	print "#include \"page/page.h\""
}
FNR == 1 {
	if (NR > 1)
		print "\t;"
	print "\nconst char " name "[] ="
}
{ print c_string($0) }
END { print "\t;" }

# Runs worknet, make_ledger and the sqlite3 shell for the tests of the
# operator's command.
package AdminRun;

use strict;
use warnings;
use Exporter 'import';
use File::Copy 'copy';
use File::Temp 'tempdir';
use JSON::PP;
use Time::HiRes ();

our @EXPORT = qw($Dir $Nobody worknet json_of make_ledger sql_rows sql_run forge
    write_file read_file program);

our $Nobody = 0;	# run as a user without rights
our $Dir = tempdir(CLEANUP => 1);
my $build = $ENV{WN_BUILDDIR} || '.';

# A program of the build; tests' own are in t/.
sub program {
	my ($name) = @_;
	my ($path) = grep { -x } "$build/$name", "$build/t/tools/$name";
	return $path;
}

sub read_file {
	my ($path) = @_;
	open my $f, '<', $path or die "$path: $!";
	local $/;
	my $text = <$f>;
	return defined $text ? $text : '';
}

sub write_file {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f $text;
	close $f or die "$path: $!";
	return $path;
}

# Runs @command with $input on its standard input.
sub run {
	my ($input, @command) = @_;
	write_file("$Dir/in", $input);
	my $pid = fork;
	die "fork: $!" unless defined $pid;
	if ($pid == 0) {
		open STDIN, '<', "$Dir/in" or die;
		open STDOUT, '>', "$Dir/out" or die;
		open STDERR, '>', "$Dir/err" or die;
		# Root can write everywhere: let nobody run it.
		($(, $)) = (65534, "65534 65534"), ($<, $>) = (65534, 65534)
		    if $Nobody;
		exec @command or die "$command[0]: $!";
	}
	waitpid $pid, 0;
	my $code = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	return { code => $code, out => read_file("$Dir/out"),
	    err => read_file("$Dir/err") };
}

# Runs worknet; a leading { input => TEXT } gives it standard input.
sub worknet {
	my $o = ref $_[0] ? shift : {};
	my $input = defined $o->{input} ? $o->{input} : '';
	return run($input, program('worknet'), @_);
}

# The document on standard output, or undef when it isn't one.
sub json_of {
	my ($r) = @_;
	return eval { JSON::PP->new->utf8->decode($r->{out}) };
}

sub make_ledger {
	my ($db, @options) = @_;
	my $r = run('', program('make_ledger'), '--db', $db, @options);
	die "make_ledger: $r->{err}" if $r->{code} ne '0';
	return $r->{out};
}

# What sqlite3 says to some SQL; it dies unless it may fail.
sub sql_run {
	my ($db, $sql, $may_fail) = @_;
	my $r = run($sql, 'sqlite3', '-batch', '-bail', $db);
	die "sqlite3: $r->{err} in $sql" if $r->{code} ne '0' && !$may_fail;
	return $r;
}

# Rows of a query, each a list of texts.
sub sql_rows {
	my ($db, $sql) = @_;
	my $r = run($sql, 'sqlite3', '-batch', '-bail', '-separator', "\t",
	    $db);
	die "sqlite3: $r->{err} in $sql" if $r->{code} ne '0';
	return map { [ split /\t/, $_, -1 ] } split /\n/, $r->{out};
}

# Files that tests forge are worth no sync.
my $FAST = 'PRAGMA synchronous = OFF;';

# A ledger without its guards, which is made once, and their text.
my %bare;
sub bare {
	my ($from) = @_;
	my $key = join ' ', $from, (Time::HiRes::stat($from))[7, 9];

	return @{ $bare{$key} } if $bare{$key};
	my $to = "$Dir/bare" . keys %bare;
	copy($from, $to) or die "$to: $!";
	my $guards = run("SELECT sql || ';' FROM sqlite_schema " .
	    "WHERE type = 'trigger';", 'sqlite3', '-batch', $to)->{out};
	sql_run($to, "$FAST BEGIN;" . join('', map { "DROP TRIGGER $_->[0];" }
	    sql_rows($to, "SELECT name FROM sqlite_schema " .
	    "WHERE type = 'trigger';")) . 'COMMIT;');
	$bare{$key} = [ $to, $guards ];
	return ($to, $guards);
}

# A hash of all rows and of the schema.
sub content { sql_run($_[0], ".sha3sum --schema\n")->{out} }

# A copy of the ledger, changed around its guards: they are taken away and
# put back word for word. With rechain the hashes of the transfers are made
# anew, as somebody would who knows how; with unchecked also what the tables
# themselves refuse is written. It dies if the SQL changes nothing, since then
# nothing is forged that the test could find.
sub forge {
	my ($from, $to, $sql, %o) = @_;
	my ($bare, $guards) = bare($from);
	my $hashes = '';

	unlink $to, "$to-wal", "$to-shm";
	copy($bare, $to) or die "$to: $!";
	sql_run($to, $FAST . ($o{unchecked} ?
	    'PRAGMA ignore_check_constraints = ON;' : '') . $sql);
	die "it changes nothing: $sql" if $sql ne '' &&
	    content($to) eq content($bare);
	$hashes = join('', map {
		my ($id, $hash) = /^(\d+) 0x(\w+)$/ or die $_;
		"UPDATE transfer SET hash = X'$hash' WHERE id = $id;";
	} split /\n/, make_ledger($to, '--hashes')) if $o{rechain};
	sql_run($to, "$FAST BEGIN; $hashes $guards COMMIT;");
	return $to;
}

1;

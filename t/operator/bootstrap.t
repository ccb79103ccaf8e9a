#!/usr/bin/perl
# bootstrap, with which everything begins: it is never silent for long, says what
# failed, and fetches the npm packages without npm: those that the lock file
# names, with the bytes that it names.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha512_base64);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use Test::More;

use WorknetTest qw(source_path need_program run_command slurp spurt
    child_start child_end);

need_program($_) for qw(curl tar);
alarm(120);

my $home = tempdir(CLEANUP => 1);

# ---- What takes long is told ----

# A tree of bootstrap alone, whose tools are these scripts.
sub tree {
	my ($name, $make) = @_;
	my $dir = "$home/$name";

	mkdir $_ for $dir, "$dir/bin";
	copy(source_path('bootstrap'), "$dir/bootstrap") or die $!;
	spurt("$dir/bin/autoreconf", "#!/bin/sh\n");
	spurt("$dir/configure", "#!/bin/sh\n");
	spurt("$dir/bin/make", "#!/bin/sh\n$make");
	chmod 0755, "$dir/bootstrap", "$dir/configure",
	    map { "$dir/bin/$_" } qw(autoreconf make);
	return $dir;
}

# Its make goes on until somebody has seen that it goes on.
my $dir = tree('slow', "echo '  CC       src/slow.o'\n" .
    "until [ -e '$home/seen' ]; do sleep 0.1; done\n");
my $text = '';
{
	local $ENV{PATH} = "$dir/bin:$ENV{PATH}";
	open(my $out, '-|', "$dir/bootstrap", '--no-install', 'build') or die;
	while (my $line = <$out>) {
		$text .= $line;
		spurt("$home/seen", '') if $line =~ m{^ +\d+ s +CC +src/slow\.o$};
	}
	close $out;
}
is($?, 0, 'bootstrap build') or diag($text);
ok(-e "$home/seen", 'while make works, lines say so, and at what');
like($text, qr/^bootstrap: make \.\.\.\n(?:.*\n)*bootstrap: done in \d+ s\n/m,
    'and in the end how long it took');

$dir = tree('broken', "echo 'PASS: this one'\necho 'x.c:1: error'\nexit 2\n");
my ($status, $out, $err) = run_command({ env => {
    PATH => "$dir/bin:$ENV{PATH}" } }, "$dir/bootstrap", '--no-install',
    'build');
is($status, 2, 'with a make that fails it fails');
like($out, qr/^x\.c:1: error$/m, '... and shows why');
unlike($out, qr/PASS/, '... but not what went well');
like($err, qr/^bootstrap: failed: make$/m, '... and names the step');

# ---- npm packages without npm ----

# A registry: what is asked for at a path, or 404.
my %served;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20)
    or die $!;
sub serve {
	while (my $client = $listen->accept) {
		my $head = '';
		$head .= $_ while defined($_ = <$client>) && !/^\r\n$/;
		my ($path) = $head =~ m{^GET /npm(\S+) };
		my $body = $served{ $path // '' };
		print {$client} $body ? 'HTTP/1.1 200 OK' :
		    'HTTP/1.1 404 Not Found', "\r\nContent-Length: ",
		    length($body // ''), "\r\nConnection: close\r\n\r\n",
		    $body // '';
		close $client;
	}
}

sub tarball {
	my ($name) = @_;
	my $dir = tempdir(DIR => $home);

	mkdir "$dir/package";
	spurt("$dir/package/package.json", qq({"name":"$name"}\n));
	(run_command('tar', '-czf', "$dir/tgz", '-C', $dir, 'package'))[0] == 0
	    or die;
	return slurp("$dir/tgz");
}

my %bytes = map { $_ => tarball($_) } qw(one two inner tool fish);
my %packages = ('' => { name => 'x' });
my $add = sub {
	my ($path, $name, $file, %more) = @_;
	$served{"/$name/-/$file"} = $bytes{ $file =~ s/-.*//r };
	$packages{"node_modules/$path"} = { version => '1.0.0', integrity =>
	    'sha512-' . sha512_base64($bytes{ $file =~ s/-.*//r }) . '==',
	    %more };
};
$add->('one', 'one', 'one-1.0.0.tgz');
$add->('@of/two', '@of/two', 'two-1.0.0.tgz', os => ['linux']);
$add->('@of/two/node_modules/inner', 'inner', 'inner-1.0.0.tgz');
$add->('tool', 'tool', 'tool-1.0.0.tgz', dev => JSON::PP::true);
$add->('fish', 'fish', 'fish-1.0.0.tgz', os => ['plan9']);

my $server = child_start('the registry', \&serve);
my $registry = 'http://127.0.0.1:' . $listen->sockport . '/npm/';
my $t = "$home/t";
mkdir $t;
sub install {
	my (@options) = @_;

	spurt("$t/package-lock.json", encode_json({ packages => \%packages }));
	return run_command('perl', source_path('t/tools/npm.pl'), $registry,
	    $t, @options);
}
sub installed {
	my ($status, $out) = run_command('sh', '-c', "cd '$t/node_modules' && " .
	    'find . -name package.json');
	return join ' ', sort map { m{^\./(.*)/package\.json$} } split /\n/,
	    $out;
}

($status, $out, $err) = install('--omit=dev');
is("$status $err", '0 ', 'the packages of a lock file are fetched');
is(installed(), '@of/two @of/two/node_modules/inner one',
    'those for this system, and none of development');
is(slurp("$t/node_modules/one/package.json"), qq({"name":"one"}\n),
    'each as its tarball has it');
is((install())[0], 0, 'without --omit=dev');
like(installed(), qr/tool/, 'those of development, too');
unlike(installed(), qr/fish/, 'but none for another system');
my $before = installed();
for my $case (
    [ 'another hash', 'one', { integrity => 'sha512-' . sha512_base64('x') . '==' },
	qr/^npm\.pl: one: not the bytes that package-lock\.json names$/m ],
    [ 'no hash', 'one', { integrity => 'sha1-xyz' }, qr/one: no sha512/ ],
    [ 'a version that isn\'t there', 'one', { version => '9.9.9' },
	qr/registry hasn't all of them/ ],
) {
	my ($what, $name, $change, $words) = @$case;
	local $packages{"node_modules/$name"} =
	    { %{ $packages{"node_modules/$name"} }, %$change };
	($status, $out, $err) = install();
	is($status, 1, "$what: refused");
	like($err, $words, '... with what is wrong');
	is(installed(), $before, '... and what was there stays');
}
for my $path ('node_modules/../../out', '/tmp/node_modules/x', 'elsewhere') {
	local $packages{$path} = $packages{'node_modules/one'};
	($status, $out, $err) = install();
	like("$status $err", qr/^1 .*not the path of a package/,
	    "$path is no path of a package");
}
ok(!-e "$home/out" && !-e "$t/node_modules.new", 'nothing is left elsewhere');
child_end($server, 'KILL');
done_testing();

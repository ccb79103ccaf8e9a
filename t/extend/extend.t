#!/usr/bin/perl
# What a plausible change takes: t/extend/*.patch are worked examples, each of
# which is applied to a copy of the files that it changes, built, and tried.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path need_program find_program run_command
    slurp spurt json_value poll_path);

need_program('sqlite3');
need_program('patch');
need_program('make');
alarm(120);

# A variable of the build's Makefile, as the shell is to read it.
sub make_var {
	my ($name) = @_;
	my ($status, $out, $err) = run_command('make', '-s',
	    '--no-print-directory', '-C',
	    build_path('.'), "--eval=wn-print: ; \$(info \$($name))\@:",
	    'wn-print');

	die "make: $err" if $status != 0;
	chomp $out;
	return $out;
}

my $build = build_path('.');
my $compile = join(' ', map { make_var($_) } qw(CC DEFS AM_CPPFLAGS CPPFLAGS
    AM_CFLAGS)) . ' -O0 -U_FORTIFY_SOURCE';
my $link = join(' ', map { make_var($_) } qw(AM_LDFLAGS LDFLAGS LDADD LIBS));

# Applies a patch to a copy of the files that it names; where the copy is.
sub patched {
	my ($patch) = @_;
	my $dir = File::Temp::tempdir('worknet-XXXXXX', TMPDIR => 1,
	    CLEANUP => 1);
	my @files = slurp($patch) =~ m{^\+\+\+ b/(\S+)}mg;

	for my $file (@files) {
		make_path("$dir/" . dirname($file));
		spurt("$dir/$file", slurp(source_path($file)))
		    if -e source_path($file);
	}
	my ($status, $out, $err) = run_command('patch', '-s', '-p1', '-F0',
	    '-d', $dir, '-i', $patch);
	is($status, 0, 'the patch applies, word by word') or
	    BAIL_OUT("$out$err");
	return ($dir, grep { /\.c$/ } @files);
}

# Builds a program, with the files of the copy in place of the library's.
sub build {
	my ($dir, $out, $main, @changed) = @_;
	my ($status, undef, $err) = run_command('sh', '-c',
	    "cd \"\$0\" && exec $compile \"\$@\" $link", $build, "-I$dir/src",
	    '-o', "$dir/$out", $main, map { "$dir/$_" } @changed);

	is($status, 0, "$out is built with it") or diag($err);
	unlike($err, qr/warning/, '... without a warning');
	return "$dir/$out";
}

my ($dir, @changed) = patched(source_path('t/extend/task-type.patch'));
is_deeply(\@changed, [ 'src/base/task_type.c' ],
    'a second type of tasks is one place');
my ($worknet, $fcgi, $worker) = map {
	build($dir, $_, source_path("src/$_.c"), @changed)
} qw(worknet worknet-fcgi worknet-worker);

# ---- It works from the task to the payment ----

my $w = WorknetTest->new->init;
sub with { return run_command($worknet, '-c', $w->conf_path, @_) }

my @add = ('task', 'add', 'second', '--type', 'http_class', '--url',
    'http://127.0.0.1:9/', '--expect', 200);
isnt(($w->worknet_try(@add))[0], 0, 'without it there is no such type');
is((with(@add))[0], 0, 'with it a task of the type is made');
is(json_value((with('task', 'show', 'second', '--json'))[1])->{type},
    'http_class', '... and shown');
like(($w->worknet_try('task', 'show', 'second'))[2],
    qr/its type is "http_class", which this program doesn't know/,
    'a program without it says so');
sub start {
	my ($program) = @_;

	$w->start(how => sub {
		my ($log, undef, @args) = @_;
		WorknetTest::exec_logged($log, $program, @args, '-s',
		    $w->socket_path);
	});
}
start($fcgi);
my $c = $w->fcgi;
my $k = $w->worker(1);
my ($task) = @{ json_value($c->get(poll_path($k->{address}))->{body}) };
is($task->{type}, 'http_class', 'a poll is told the type');
is($c->post([ $w->result($k, 'second', timestamp => $w->fresh_ms,
    statusCode => 204) ])->{body}, '{"accepted":1,"earned":"0.000100"}',
    'a result is paid');
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;
my ($status, $out) = with('audit', '--signatures');
is($status, 0, 'the audit is clean') or diag($out);

# ---- Its own rule ----

spurt("$dir/rule.c", <<'END');
#include "base/task_type.h"
int
main(void)
{
	const struct task_type *t = task_type_find(slice_of("http_class"));

	return !(t != NULL && t->is_success(204, 200) &&
	    !t->is_success(301, 200) && !task_types[0].is_success(204, 200));
}
END
is((run_command(build($dir, 'rule', "$dir/rule.c", @changed)))[0], 0,
    'a check of it is a success by its own rule, and of the other by the other');

# ---- Another route ----

($dir, @changed) = patched(source_path('t/extend/route.patch'));
is_deeply(\@changed, [ 'src/api/route_time.c', 'src/api/routes.c' ],
    'another route is a file of its own, and a row');
my $other = build($dir, 'worknet-fcgi', source_path('src/worknet-fcgi.c'),
    @changed);
$w->start;
is($w->fcgi->get('/v1/time')->{status}, 404, 'without it there is no such path');
is($w->stop, 0, 'the coordinator stops');
start($other);
like($w->fcgi->get('/api/v1/time')->{body}, qr/^\{"nowMs":\d{13}\}$/,
    'with it there is');
is($w->fcgi->post('')->{status}, 400, '... beside the others');
like($w->fcgi->request('GET', '/metrics',
    params => { WORKNET_LOCAL => 1 })->{body},
    qr{^worknet_requests_total\{route="/v1/time",status="200"\} 1$}m,
    '... and is counted');
is($w->stop, 0, 'the coordinator stops');
done_testing();

# What the tests of worknet-worker share: a key, tasks, and a coordinator that
# gives them out and takes their results.
package WorkerTest;

use strict;
use warnings;

use Exporter 'import';
use File::Temp 'tempdir';
use JSON::PP;
use Test::More;

use WorkerRig;

our @EXPORT = qw($program $verifier $dir $key contents write_file task tasks
    coordinator results all_results outcome key_make);

my $build = $ENV{WN_BUILDDIR} || '.';
our $program = "$build/worknet-worker";
our $verifier = "$build/t/unit/test_worker";
our $dir = tempdir(CLEANUP => 1);
our $key = "$dir/worker.key";
my $id = 0;

plan skip_all => "$program isn't built" unless -x $program;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;
delete @ENV{qw(http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY)};

# Makes $key, unless a test does that itself.
sub key_make {
	my $made = WorkerRig->new($program)->run([ '--new-key', $key ]);
	die "no key: $made->{err}" if $made->{status} ne '0';
}

sub contents {
	open my $f, '<', $_[0] or return undef;
	local $/;
	return <$f>;
}

sub write_file {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f $text;
	close $f;
	return $path;
}

sub task {
	my ($url, %more) = @_;
	return { id => 'task_' . $id++, type => 'http_check', url => $url,
	    expectedStatus => 200, timeoutMs => 60000, rewardMicros => 100,
	    %more };
}

sub tasks { map { task($_) } @_ }

# A coordinator: gives out the lists of tasks one by one, then empty ones,
# and accepts all results. A list may also be the answer's bytes, or code that
# gives them. $c->{answers} may hold other answers to POSTs, as code; they are
# used up first.
sub coordinator {
	my ($rig, @lists) = @_;
	my $c = { polls => [], posts => [], lists => \@lists, answers => [] };
	$c->{port} = $rig->listen(sub {
		my ($request) = @_;
		if ($request->{method} eq 'GET') {
			push @{ $c->{polls} }, $request;
			$c->{on_poll}->($request) if $c->{on_poll};
			my $list = shift @{ $c->{lists} } || [];
			return $list->($request) if ref $list eq 'CODE';
			return ref $list ? WorkerRig::reply_json($list) :
			    $list;
		}
		push @{ $c->{posts} }, $request;
		my $special = shift @{ $c->{answers} };
		return $special->($request) if $special;
		return accept_all($request);
	});
	$c->{args} = [ '-k', $key, '-u', "http://127.0.0.1:$c->{port}/api" ];
	return $c;
}

sub accept_all {
	my ($request) = @_;
	my $n = @{ JSON::PP->new->decode($request->{body}) };
	return WorkerRig::reply_json({ accepted => $n, earned =>
	    sprintf '%.6f', $n * 0.0001 });
}

# The results of the $n-th POST, by the id of their task.
sub results {
	my ($c, $n) = @_;
	my $post = $c->{posts}[$n] or return {};
	return { map { $_->{taskId} => $_ }
	    @{ JSON::PP->new->decode($post->{body}) } };
}

# Those of all POSTs.
sub all_results {
	my ($c) = @_;
	return { map { %{ results($c, $_) } } 0 .. $#{ $c->{posts} } };
}

# A result in short: its status or error, or "nothing" when there is none.
sub outcome {
	my ($result) = @_;
	return 'nothing' if !$result;
	return join ' ', grep { defined } @$result{qw(statusCode error)};
}

1;

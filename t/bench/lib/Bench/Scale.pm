# Two coordinators that differ in nothing but the size of their ledgers, for
# measuring what grows with it. Ledgers are made once, audited, and kept in
# the build directory.
package Bench::Scale;

use strict;
use warnings;

use Digest::SHA ();
use File::Copy ();
use File::Path ();

use Bench::Site;
use WorknetTest qw(build_path source_path slurp);

our @ISA = ('Bench::Site');

use constant {
	BATCH => 50,		# results of a request under load
	PAST_BATCH => 3,	# results of a request in the ledger's past
	POLLS => 200_000,	# different ones
};

# Options: tasks, workers, results: in the ledger; requests: to be posted.
sub new {
	my ($class, %opt) = @_;
	my $self = Bench::Site::new($class);

	$self->{$_} = $opt{$_} for keys %opt;
	return $self;
}

# ---- The ledger ----------------------------------------------------------

# Runs what may take many minutes, which run_command doesn't wait for.
sub run_long {
	my (@command) = @_;

	open(my $out, '-|', @command) or die "$command[0]: $!\n";
	my $text = do { local $/; <$out> } // '';
	close $out or die "$command[0]: exit code @{[ $? >> 8 ]}\n$text";
}

sub bench_run {
	my ($program, @args) = @_;

	run_long(build_path("t/bench/$program"), @args);
}

sub kept_path {
	my ($self) = @_;
	my $made_by = substr(Digest::SHA::sha256_hex(map { slurp(source_path(
	    $_)) } qw(sql/schema.sql t/bench/history.c t/bench/big.c)), 0,
	    12);

	return build_path("t/bench/ledgers/$self->{tasks}-$self->{workers}-" .
	    "$self->{results}-$made_by.db");
}

# Makes the ledger where it isn't, in this site's directory first: a kept one
# is whole, and the audit has nothing against it.
sub ledger_keep {
	my ($self) = @_;
	my $path = $self->kept_path;

	return $path if -e $path;
	print "making a ledger of $self->{results} results, once\n";
	$self->init;
	bench_run('history', $self->ledger_path, $self->{tasks},
	    $self->{workers}, $self->{results}, PAST_BATCH);
	run_long(build_path('worknet'), '-c', $self->conf_path, 'audit');
	File::Path::make_path(build_path('t/bench/ledgers'));
	File::Copy::move($self->ledger_path, "$path.part") &&
	    rename("$path.part", $path) or die "$path: $!";
	return $path;
}

sub prepare {
	my ($self) = @_;
	my $path = $self->ledger_keep;

	$self->{bytes} = -s $path;
	File::Copy::copy($path, $self->ledger_path) or die "$path: $!";
	bench_run('spread', $self->ledger_path, $self->{tasks},
	    $self->{workers}, $self->{requests}, BATCH, $self->{workers} <
	    POLLS ? $self->{workers} : POLLS, $self->posts_path,
	    $self->polls_path);
	$self->{posts_next} = 0;
	return $self;
}

# Both sizes, serving: the small one first.
sub pair {
	my ($run, $requests) = @_;
	my @sites = map { Bench::Scale->new(tasks => $_->[0],
	    workers => $_->[0], results => $_->[1],
	    requests => $requests)->prepare->serve }
	    [ 1000, 1000 ],
	    [ 1_000_000, $run->choose(5_000_000, 50_000_000) ];

	return @sites;
}

sub end {
	my ($self) = @_;

	$self->nginx_stop;
	die "worknet-fcgi didn't end well\n" if $self->stop != 0;
}

# ---- Load ----------------------------------------------------------------

# The next n posts.
sub posts_load {
	my ($self, $n, @options) = @_;

	return $self->load_posts(BATCH, '--count', $n, '--seconds', 60,
	    @options);
}

# Idle polls of workers all over the ledger.
sub idle_polls {
	my ($self, $seconds, @options) = @_;
	my $l = $self->load('--cycle', $self->polls_path, '--seconds',
	    $seconds, @options);
	my $given = $l->{sources}[0]{units};

	die "polls were given $given tasks: the UTC day has ended\n"
	    if $given != 0;
	return $l;
}

sub cpu_us {
	my ($l, $n) = @_;

	return $l->{coordinator_cpu_s} * 1e6 / $n;
}

sub p99_ms { return $_[0]{sources}[0]{good}{p99_ms} }

1;

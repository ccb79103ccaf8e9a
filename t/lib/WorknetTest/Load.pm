# Clients that insist, as workers that try again do, and write down what they
# were told: so that what was acknowledged can be looked for in the ledger,
# whatever became of the coordinator meanwhile. And a socket that outlives it.
#
# Each client appends to a file of its own:
#	given ADDRESS TASK
#	trouble BEGIN END STATUS BODY	a request that wasn't answered as
#			expected, and is sent again; Unix seconds, and 0 for no
#			answer
#	bad TEXT	what must never be, whatever the trouble
#	acknowledged BEGIN END TRIES ACCEPTED OF RESULT ...
#			ADDRESS,TASK,TIMESTAMP each; sent again TRIES times
package WorknetTest::Load;

use strict;
use warnings;

use Exporter 'import';
use Fcntl ();
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM);
use Test::More ();
use Time::HiRes ();

use WorknetTest qw(now_ms wait_for slurp spurt child_start child_wait
    exec_logged json_text json_value poll_path);
use WorknetTest::Http qw(http_raw http_read);

our @EXPORT_OK = qw(socket_listen start_on);

# ---- A socket that stays, as systemd's does ----

# Listens at the coordinator's path, for the coordinators to come.
sub socket_listen {
	my ($w, $backlog) = @_;

	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
	bind($s, Socket::pack_sockaddr_un($w->socket_path)) or die "bind: $!";
	listen($s, $backlog // 1024) or die "listen: $!";
	return $s;
}

# Starts the coordinator on it. Options: fd => 3, as systemd passes it, or 0;
# with => [a command that runs the coordinator]; env => as those of start.
sub start_on {
	my ($w, $socket, %opt) = @_;
	my $fd = $opt{fd} // 3;

	return $w->start(env => $opt{env}, how => sub {
		my ($log, @command) = @_;
		POSIX::dup2(fileno $socket, $fd) // die "dup2: $!";
		# When it was that number already.
		open(my $kept, '<&=', $fd) or die "fd $fd: $!";
		fcntl($kept, Fcntl::F_SETFD(), 0) or die "fcntl: $!";
		delete @ENV{qw(LISTEN_PID LISTEN_FDS)};
		@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1) if $fd == 3;
		exec_logged($log, @{ $opt{with} // [] }, @command);
	});
}

# ---- The clients ----

# Options: clients => N; how => code that says of a client's number whether it
# asks "nginx", the coordinator itself ("fcgi") or nginx, a few bytes at a
# time ("slowly"); pause_s => the longest pause between two rounds, at random;
# after => the last transfer of a ledger that has a past.
sub new {
	my ($class, $w, %opt) = @_;

	return bless { w => $w, clients => 4, how => sub { 'nginx' },
	    pause_s => 0, after => 0, started => [], windows => [], read => {},
	    lines => 0, %opt }, $class;
}

sub enough_path { return $_[0]{w}->dir('enough') }
sub is_over { return -e $_[0]->enough_path }

# A process that runs $code with a client until that returns; end() waits for
# it, too.
sub beside {
	my ($self, $name, $code) = @_;

	push @{ $self->{names} }, $name;
	push @{ $self->{started} }, child_start($name, sub {
		my $client = bless { %$self, how => 'nginx',
		    number => scalar @{ $self->{names} } }, ref $self;

		# Its connection to nginx is its own.
		delete $self->{w}{http};
		srand($client->{number} + ($self->{seed} // 0));
		open($client->{out}, '>>', $self->{w}->dir($name)) or
		    die "$name: $!";
		$client->{out}->autoflush(1);
		$code->($client);
		return 0;
	});
	return $self;
}

sub begin {
	my ($self) = @_;

	for my $n (1 .. $self->{clients}) {
		$self->beside("client$n", sub {
			my ($client) = @_;
			$client->{how} = $self->{how}->($n);
			for (my $i = 1; !$client->is_over; $i++) {
				$client->round($i);
				Time::HiRes::sleep(rand $client->{pause_s});
			}
		});
	}
	return $self;
}

sub say { print { $_[0]{out} } "$_[1]\n" }

# One request until it is answered with the status: (the answer, how often it
# wasn't).
sub insist {
	my ($self, $method, $path, $body, $status) = @_;
	my $lost = 0;

	while (1) {
		my $begin = Time::HiRes::time();
		my $r = eval { $self->ask($method, $path, $body) };
		return ($r, $lost) if $r && $r->{status} == ($status // 200);
		$self->{fcgi}->close if $self->{fcgi};
		$self->say(join(' ', 'trouble', $begin, Time::HiRes::time(),
		    $r ? "$r->{status} $r->{body}" : '0 no answer'));
		$lost++;
		Time::HiRes::sleep(0.003);
	}
}

sub ask {
	my ($self, $method, $path, $body) = @_;

	return $self->{w}->http($method, $path, $body)
	    if $self->{how} eq 'nginx';
	return $self->ask_slowly($method, $path, $body)
	    if $self->{how} eq 'slowly';
	($path, my $query) = split /\?/, $path, 2;
	$self->{fcgi} //= $self->{w}->fcgi;
	return $self->{fcgi}->request($method, $path,
	    query => $query // '', body => $body);
}

sub ask_slowly {
	my ($self, $method, $path, $body) = @_;
	my $s = $self->{w}->http_socket;
	my $bytes = http_raw($method, "/api$path", $body);
	my $piece = 1 + int(length($bytes) / 6);

	for (my $at = 0; $at < length $bytes; $at += $piece) {
		syswrite($s, $bytes, $piece, $at);
		Time::HiRes::sleep(rand 0.3);
	}
	return http_read($s, $method);
}

# A round: some new workers poll, and one request has all of their results.
sub round {
	my ($self, $n) = @_;
	my $w = $self->{w};
	my @claims;

	for my $i (0 .. $n % 4) {
		my $worker = $w->worker(1000000 * $self->{number} + 4 * $n +
		    $i);
		my ($r) = $self->insist('GET', poll_path($worker->{address}));
		for my $task (@{ json_value($r->{body}) }) {
			$self->say("given $worker->{address} $task->{id}");
			push @claims, [ $worker, $task->{id} ];
		}
	}
	return if !@claims;
	$#claims = 49 if @claims > 50;
	my $at = now_ms();
	my @results = map { $w->result($_->[0], $_->[1], timestamp => $at++) }
	    @claims;
	my $begin = Time::HiRes::time();
	my ($r, $lost) = $self->insist('POST', '/v1/worker/results',
	    json_text(\@results));
	my $got = json_value($r->{body});
	my @other = grep { !/: already recorded$/ } @{ $got->{errors} // [] };
	$self->say('bad ' . json_text(\@other)) if @other;
	$self->say(join(' ', 'acknowledged', $begin, Time::HiRes::time(),
	    $lost, $got->{accepted}, scalar @results, map { "$_->{workerAddress},$_->{taskId}," .
	    $_->{timestamp} } @results));
}

# ---- When they may be refused ----

# Does what may cost answers; what it gives. An answer that nobody got is asked
# for again, also by nginx: a result may be recorded by then.
sub window {
	my ($self, $code) = @_;
	my $begin = Time::HiRes::time();
	my $got = $code->();

	push @{ $self->{windows} }, [ $begin, Time::HiRes::time() ];
	return $got;
}

# Whether a request of that time met such a moment.
sub is_excused {
	my ($self, $begin, $end) = @_;

	return grep { $end >= $_->[0] && $begin <= $_->[1] }
	    @{ $self->{windows} };
}

# ---- What they were told ----

# Waits until they have written so many lines more.
sub progress {
	my ($self, $more) = @_;
	my $end = $self->written + $more;

	wait_for(sub { $self->written >= $end }, "$more lines of the clients");
}

# How many lines there are. Reads what is new in each file.
sub written {
	my ($self) = @_;

	for my $name (@{ $self->{names} }) {
		open(my $f, '<:raw', $self->{w}->dir($name)) or next;
		seek($f, $self->{read}{$name} // 0, 0);
		local $/;
		my $new = <$f> // '';
		$self->{read}{$name} += length $new;
		$self->{lines} += $new =~ tr/\n//;
	}
	return $self->{lines};
}

# Ends all, and tests that they ended well.
sub end {
	my ($self) = @_;

	spurt($self->enough_path, '');
	my @ended = map { child_wait($_) } @{ $self->{started} };
	Test::More::is("@ended", join(' ', map { 0 } @ended),
	    'all clients end');
	$self->{said} = [ map { split /\n/, slurp($self->{w}->dir($_)) }
	    @{ $self->{names} } ];
}

# After end(): the lines that begin so.
sub said {
	my ($self, $word) = @_;

	return grep { /^\Q$word\E\b/ } @{ $self->{said} };
}

# Tests that there is none: the first few are shown.
sub none_ok {
	my ($found, $name) = @_;

	Test::More::is(join("\n", @$found[0 .. ($#$found > 4 ? 4 :
	    $#$found)]), '', $name);
}

# Tests that they were refused with 503 only, when they might be.
sub refused_ok {
	my ($self) = @_;
	my @troubles = $self->said('trouble');

	none_ok([ grep { my (undef, $begin, $end, $status) = split / /;
	    $status != 503 || !$self->is_excused($begin, $end) } @troubles ],
	    scalar(@troubles) . ' requests were refused, with 503, in the ' .
	    'seconds in which they might be');
}

# Acknowledged: accepted, or recorded by a request that had no answer. How
# often each result was.
sub acknowledged_ok {
	my ($self) = @_;
	my (%n, @mixed, @groundless);

	for ($self->said('acknowledged')) {
		my (undef, $begin, $end, $tries, $accepted, $of, @results) =
		    split / /;
		push @mixed, $_ if $accepted != 0 && $accepted != $of;
		push @groundless, $_ if $accepted != $of && !$tries &&
		    !$self->is_excused($begin, $end);
		$n{lc((split /,/)[0]) . substr($_, 42)}++ for @results;
	}
	none_ok(\@mixed, 'a request was credited as a whole or not at all');
	none_ok(\@groundless, 'nothing was recorded before it was sent');
	return \%n;
}

# Tests that the ledger has what the clients were told, once, and no more.
sub kept_ok {
	my ($self) = @_;
	my $w = $self->{w};
	my $expected = $self->acknowledged_ok;
	my %found;

	none_ok([ $self->said('bad') ],
	    'no answer was anything but expected');
	$found{"$_->{address},$_->{name},$_->{timestamp_ms}"}++ for
	    $w->sql('SELECT w.address, k.name, r.timestamp_ms FROM result r ' .
	    'JOIN transfer t ON t.id = r.transfer ' .
	    'JOIN worker w ON w.id = t.credit ' .
	    'JOIN task_version v ON v.id = r.version ' .
	    'JOIN task k ON k.id = v.task WHERE t.id > ' . $self->{after});
	Test::More::cmp_ok(scalar keys %$expected, '>', 200,
	    scalar(keys %$expected) . ' results were acknowledged');
	none_ok([ grep { !$found{$_} } keys %$expected ],
	    'each of them is in the ledger');
	none_ok([ grep { $found{$_} != 1 } keys %found ],
	    'none is there twice');
	none_ok([ grep { !$expected->{$_} } keys %found ],
	    'and none that wasn\'t acknowledged in the end');

	my %assigned = map { ("$_->{address} $_->{name}" => 1) }
	    $w->sql('SELECT w.address, a.task_name AS name FROM assignment a ' .
	    'JOIN worker w ON w.id = a.worker');
	my @given = map { my (undef, $a, $t) = split / /; lc($a) . " $t" }
	    $self->said('given');
	Test::More::cmp_ok(scalar @given, '>', 50, scalar(@given) .
	    ' tasks were given');
	none_ok([ grep { !$assigned{$_} } @given ],
	    'each assignment that was told is in the ledger');
	my $of = "WHERE id > $self->{after} AND kind = 'credit'";
	my ($sums) = $w->sql("SELECT (SELECT sum(amount_micros) FROM " .
	    "transfer $of) AS moved, (SELECT sum(balance_micros) FROM account " .
	    "WHERE id IN (SELECT credit FROM transfer $of)) AS owed, " .
	    '(SELECT count(*) FROM result WHERE transfer > ' .
	    "$self->{after}) * 100 AS earned");
	Test::More::is($sums->{moved}, $sums->{earned},
	    'the transfers are worth their results');
	Test::More::is($sums->{owed}, $sums->{earned},
	    'and so are the balances');
}

1;

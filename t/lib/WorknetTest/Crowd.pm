# Workers and strangers who meet the coordinator through the real nginx, each
# from an address of its own: in a network namespace of the test's own, where
# 198.18.0.0/15, 203.0.113.0/24 and 2001:db8::/32 are all here.
#
# Time goes in ticks. In each the coordinator's clock moves on, and all who
# speak in it do so at once. So what comes of it doesn't depend on how fast this
# machine is; and whom nginx's limits tell to come later, since this machine is
# faster than the clock, does so in the same tick.
package WorknetTest::Crowd;

use strict;
use warnings;

use IO::Socket::IP;
use List::Util 'shuffle';
use Socket qw(AI_NUMERICHOST IPPROTO_IPV6);
use Test::More ();
use Time::HiRes ();

use WorkerNet ();
use WorknetTest qw(json_text json_value poll_path);
use WorknetTest::Http qw(http_raw http_read);

use constant {
	POLL_TICKS => 10,	# members poll every second
	IPV6_FREEBIND => 78,	# linux/in6.h
	PORT => 80,
};

our $TICK_MS = 100;
our $SERVER = '192.0.2.1';
our $SERVER6 = '2001:db8::1';

# ---- The network ----

# Begins the test anew in a network of its own. Root only.
sub alone {
	Test::More::plan(skip_all => 'only root has network namespaces in ' .
	    'which nginx runs') if $> != 0;
	WorkerNet::alone();
	WorkerNet::run(qw(ip route add local), $_, qw(dev lo))
	    for qw(198.18.0.0/15 203.0.113.0/24);
	WorkerNet::run(qw(ip -6 route add local 2001:db8::/32 dev lo));
	WorkerNet::run(qw(ip addr add), "$SERVER/32", qw(dev lo));
	WorkerNet::run(qw(ip addr add), "$SERVER6/128", qw(dev lo nodad));
}

# nginx with the shipped site, where all of them find it. edit: as that of
# WorknetTest's nginx_start.
sub nginx_start {
	my ($w, $edit) = @_;

	$w->nginx_start(edit => sub {
		s{listen 127[^;]*;}{listen $SERVER:80; listen [$SERVER6]:80;}
		    or die 'nginx/worknet.conf: no port to replace';
		$edit->() if $edit;
	});
}

# A connection from that address to nginx.
sub connection {
	my ($from) = @_;
	my $v6 = $from =~ /:/;

	return IO::Socket::IP->new(LocalHost => $from, PeerPort => PORT,
	    PeerHost => $v6 ? $SERVER6 : $SERVER,
	    GetAddrInfoFlags => AI_NUMERICHOST, Sockopts => $v6 ?
	    [[ IPPROTO_IPV6, IPV6_FREEBIND, 1 ]] : []) // die "from $from: $@";
}

# ---- Requests ----

sub new {
	my ($class, $w, %opt) = @_;

	return bless { w => $w, members => [], ticks => 0, later => {},
	    idle => {}, odd => [], %opt }, $class;
}

# A poll from an address, in the name of that worker; $then gets the tasks.
sub poll {
	my ($self, $from, $address, $then) = @_;

	return { from => $from, then => $then,
	    bytes => http_raw('GET', '/api' . poll_path($address), undef,
	    Connection => 'keep-alive') };
}

# A post of a worker's results for tasks; $then gets what it was told.
sub answer {
	my ($self, $from, $worker, $tasks, $then) = @_;
	my $w = $self->{w};
	my @results = map { $w->result($worker, $_->{id}, timestamp =>
	    $w->fresh_ms) } @$tasks;

	return { from => $from, then => $then,
	    bytes => http_raw('POST', '/api/v1/worker/results',
	    json_text(\@results), Connection => 'keep-alive') };
}

sub send_one {
	my ($self, $q) = @_;

	$q->{socket} = pop @{ $self->{idle}{$q->{from}} } //
	    connection($q->{from});
	syswrite($q->{socket}, $q->{bytes});
}

sub read_one {
	my ($self, $q) = @_;
	my $r = http_read($q->{socket});

	# nginx closes connections that had a thousand requests.
	if (!$r) {
		$q->{socket} = connection($q->{from});
		syswrite($q->{socket}, $q->{bytes});
		$r = http_read($q->{socket}) // die "no answer of nginx\n";
	}
	my $socket = delete $q->{socket};
	push @{ $self->{idle}{$q->{from}} }, $socket if !$q->{once};
	return $r;
}

# Sends all of them at once, and hands on the answers.
sub ask {
	my ($self, @requests) = @_;

	while (@requests) {
		my @again;
		$self->send_one($_) for @requests;
		for my $q (@requests) {
			my $r = $self->read_one($q);
			if ($r->{status} == 429) {
				push @again, $q;
			} elsif ($r->{status} == 200) {
				$q->{then}->(json_value($r->{body}));
			} else {
				push @{ $self->{odd} },
				    "$r->{status} $r->{body}";
			}
		}
		Time::HiRes::sleep(0.05) if @again;
		@requests = @again;
	}
}

# ---- Members, and time ----

# A worker that polls from that address each second, and answers 0.1 to 0.3 s
# later. Options: lost => share of the poll answers that don't arrive; silent.
sub member {
	my ($self, $number, $from, %opt) = @_;
	my $m = { worker => $self->{w}->worker($number), from => $from,
	    at => $number % POLL_TICKS, lost => 0, refused => {}, %opt };

	push @{ $self->{members} }, $m;
	return $m;
}

sub members { return @{ $_[0]{members} } }

sub members_only {
	my ($self, @members) = @_;

	$self->{members} = \@members;
}

# Does that in so many ticks.
sub later {
	my ($self, $ticks, $request) = @_;

	push @{ $self->{later}{$self->{ticks} + $ticks} }, $request;
}

# The answer of whom to tasks in so many ticks, if there are any; counted in
# whom.
sub answer_later {
	my ($self, $ticks, $from, $whom, $worker, $tasks) = @_;

	return if !@$tasks;
	$self->later($ticks, sub {
		return $self->answer($from, $worker, $tasks, sub {
			my ($told) = @_;
			$whom->{paid} += $told->{accepted};
			$whom->{refused}{s/^[^:]*: //r}++
			    for @{ $told->{errors} // [] };
		});
	});
}

sub member_poll {
	my ($self, $m) = @_;

	return $self->poll($m->{from}, $m->{worker}{address}, sub {
		my ($tasks) = @_;
		return if $m->{silent} || rand() < $m->{lost};
		$self->answer_later(1 + int(rand 3), $m->{from}, $m,
		    $m->{worker}, $tasks);
	});
}

# Moves the clock on, and lets everybody speak whose turn it is, and others.
sub tick {
	my ($self, @others) = @_;
	my $n = ++$self->{ticks};

	$self->{w}->clock_set($self->{w}{clock} + $TICK_MS);
	$self->ask(shuffle(@others,
	    (map { $_->() } @{ delete $self->{later}{$n} // [] }),
	    map { $self->member_poll($_) }
	    grep { ($n + $_->{at}) % POLL_TICKS == 0 } $self->members));
}

# So many seconds, beside requests that $attack gives for each tick.
sub seconds {
	my ($self, $seconds, $attack) = @_;

	$self->tick($attack ? $attack->() : ())
	    for 1 .. $seconds * 1000 / $TICK_MS;
}

# ---- Strangers ----

# An address that nobody saw before, and for which nobody can sign.
sub nobody {
	my ($self) = @_;

	return { address => sprintf '0xee%038x', ++$self->{nobody} };
}

# Polls for seconds(), so many in a tick: of the n-th $who->(n) says from where
# it comes and in whose name. They are counted, with what they were given, in
# $count. Options: answers, in the next tick; once, from there.
sub strangers {
	my ($self, $count, $polls, $who, %opt) = @_;
	my $owed = 0;

	@$count{qw(polls given paid)} = (0, 0, 0);
	return sub {
		my @requests;

		for ($owed += $polls; $owed >= 1; $owed--) {
			my ($from, $worker) = $who->($count->{polls}++);
			my $then = sub {
				my ($tasks) = @_;
				$count->{given} += @$tasks;
				$self->answer_later(1, $from, $count, $worker,
				    $tasks) if $opt{answers};
			};
			push @requests, { once => $opt{once},
			    %{ $self->poll($from, $worker->{address},
			    $then) } };
		}
		return @requests;
	};
}

# ---- What came of it ----

# Cycles from $begin to $end that were paid to workers, by default the members,
# and to anybody else.
sub paid {
	my ($self, $begin_ms, $end_ms, @workers) = @_;

	@workers = map { $_->{worker} } $self->members if !@workers;
	my $them = join ', ', map { "'\L$_->{address}'" } @workers;
	my ($row) = $self->{w}->sql("SELECT count(*) AS cycles,
	    coalesce(sum(w.address IN ($them)), 0) AS theirs
	    FROM result r JOIN transfer t ON t.id = r.transfer
	    JOIN worker w ON w.id = t.credit
	    WHERE r.cycle_ms >= $begin_ms AND r.cycle_ms < $end_ms");

	return ($row->{theirs}, $row->{cycles} - $row->{theirs});
}

1;

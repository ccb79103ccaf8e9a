# A fake coordinator and fake targets around one run of worknet-worker, all
# in one process with one select loop, so that a test sees every request and
# decides, event by event, what happens next. Nothing here measures time.
package WorkerRig;

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IPC::Open3;
use JSON::PP;
use Symbol 'gensym';

our $Seen = '';		# all that any worker ever wrote or sent

# @before: a command that runs the program, such as in a namespace.
sub new {
	my ($class, $program, @before) = @_;
	return bless { command => [ @before, $program ], servers => {},
	    clients => {}, at => '127.0.0.1' }, $class;
}

# A server at $address (default: $self->{at}); $handler gets each request and returns
# the answer's bytes ('': none), after which the connection is closed, unless
# $request->{client}{keep} is set, or undef: the request stays open until
# answer(). Returns its port.
sub listen {
	my ($self, $handler, $address) = @_;
	my $s = IO::Socket::INET->new(LocalAddr => $address || $self->{at},
	    Listen => 64, Proto => 'tcp') or die "listen: $!";
	$self->{servers}{fileno $s} = { socket => $s, handler => $handler,
	    accepted => 0 };
	return $s->sockport;
}

# How often the server at this port was connected to.
sub accepted {
	my ($self, $port) = @_;
	for my $s (values %{ $self->{servers} }) {
		return $s->{accepted} if $s->{socket}->sockport == $port;
	}
	die "no server at $port";
}

sub answer {
	my ($self, $request, $bytes) = @_;
	my $c = $request->{client};
	$c->{out} = $bytes;
	$self->close_client($c) if $bytes eq '';
}

sub close_client {
	my ($self, $c) = @_;
	delete $self->{clients}{fileno $c->{socket}};
	close $c->{socket};
}

sub reply {
	my ($status, $body, %headers) = @_;
	my $head = "HTTP/1.1 $status X\r\nConnection: close\r\n";
	$head .= "$_: $headers{$_}\r\n" for sort keys %headers;
	return $head . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

sub reply_json {
	my ($value) = @_;
	return reply(200, JSON::PP->new->canonical->encode($value),
	    'Content-Type' => 'application/json');
}

sub signal { kill $_[1], $_[0]{pid} }

# Runs the worker until it exits. on_line is called with each line of its
# standard error, on_idle when nothing has happened for a moment.
sub run {
	my ($self, $args, %on) = @_;
	my ($out, $err) = (undef, gensym);
	$self->{pid} = open3(my $in, $out, $err, @{ $self->{command} }, @$args);
	close $in;
	my %text = (out => '', err => '');
	my %pipes = (fileno $out => [ out => $out ],
	    fileno $err => [ err => $err ]);
	while (%pipes) {
		my $n = $self->turn(\%pipes, \%text, \%on);
		$on{on_idle}->() if $n == 0 && $on{on_idle};
	}
	waitpid $self->{pid}, 0;
	my $status = $?;
	for my $c (values %{ $self->{clients} }) {
		close $c->{socket};
	}
	$self->{clients} = {};
	$Seen .= $text{out} . $text{err};
	return { status => $status & 127 ? "signal $status" : $status >> 8,
	    out => $text{out}, err => $text{err} };
}

# One turn of the loop; the number of descriptors that were ready.
sub turn {
	my ($self, $pipes, $text, $on) = @_;
	my $read = IO::Select->new(map { $_->[1] } values %$pipes);
	my $write = IO::Select->new;
	$read->add($_->{socket}) for values %{ $self->{servers} };
	for my $c (values %{ $self->{clients} }) {
		length $c->{out} ? $write->add($c->{socket}) :
		    $read->add($c->{socket});
	}
	my ($r, $w) = IO::Select->select($read, $write, undef, 0.05);
	for my $fh (@{ $w || [] }) {
		$self->flush_client($self->{clients}{fileno $fh});
	}
	for my $fh (@{ $r || [] }) {
		my $fd = fileno $fh;
		next unless defined $fd;	# closed by a handler
		if ($pipes->{$fd}) {
			$self->read_pipe($pipes, $fd, $text, $on);
		} elsif (my $s = $self->{servers}{$fd}) {
			my $socket = $s->{socket}->accept or next;
			$socket->blocking(0);
			$s->{accepted}++;
			$self->{clients}{fileno $socket} = { socket =>
			    $socket, in => '', out => '', server => $s };
		} elsif (my $c = $self->{clients}{$fd}) {
			$self->read_client($c);
		}
	}
	return @{ $r || [] } + @{ $w || [] };
}

sub read_pipe {
	my ($self, $pipes, $fd, $text, $on) = @_;
	my ($name, $fh) = @{ $pipes->{$fd} };
	my $n = sysread $fh, my $chunk, 65536;
	if (!$n) {
		delete $pipes->{$fd};
		return;
	}
	$text->{$name} .= $chunk;
	return unless $name eq 'err' && $on->{on_line};
	$on->{rest} = ($on->{rest} || '') . $chunk;
	$on->{on_line}->($1) while $on->{rest} =~ s/\A(.*)\n//;
}

sub read_client {
	my ($self, $c) = @_;
	my $n = sysread $c->{socket}, my $chunk, 65536;
	return $self->close_client($c) if !$n;
	$c->{in} .= $chunk;
	$Seen .= $chunk;
	return unless $c->{in} =~ /\A(\S+) (\S+) HTTP\/1\.1\r\n(.*?)\r\n\r\n/s;
	my $request = { method => $1, target => $2, client => $c };
	my ($headers, $start) = ($3, $+[0]);
	for my $line (split /\r\n/, $headers) {
		my ($k, $v) = split /:\s*/, $line, 2;
		$request->{headers}{lc $k} = $v;
	}
	my $len = $request->{headers}{'content-length'} || 0;
	return if length($c->{in}) - $start < $len;
	$request->{body} = substr $c->{in}, $start, $len;
	$c->{in} = '';
	my $answer = $c->{server}{handler}->($request);
	$self->answer($request, $answer) if defined $answer;
}

sub flush_client {
	my ($self, $c) = @_;
	return unless $c;
	my $n = syswrite $c->{socket}, $c->{out};
	substr($c->{out}, 0, $n) = '' if $n;
	return if defined $n && length $c->{out};
	$self->close_client($c) unless $c->{keep};
}

1;

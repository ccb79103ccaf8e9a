# A FastCGI client: one kept connection to a responder, over which tests send
# what nginx would not pass on.
package WorknetTest::Fcgi;

use strict;
use warnings;

use IO::Socket::UNIX;
use JSON::PP ();

use constant {
	FCGI_BEGIN_REQUEST => 1, FCGI_END_REQUEST => 3, FCGI_PARAMS => 4,
	FCGI_STDIN => 5, FCGI_STDOUT => 6, FCGI_KEEP_CONN => 1,
	FCGI_RECORD_MAX => 65535,
};

sub new {
	my ($class, $path, $patience_s) = @_;

	return bless { path => $path, patience_s => $patience_s }, $class;
}

# A client on a socket that is connected.
sub adopt {
	my ($class, $socket, $patience_s) = @_;

	return bless { socket => $socket, patience_s => $patience_s }, $class;
}

sub connect {
	my ($self) = @_;

	$self->{socket} //= IO::Socket::UNIX->new(Peer => $self->{path}) //
	    die "$self->{path}: $!\n";
	return $self->{socket};
}

sub close {
	my ($self) = @_;

	CORE::close(delete $self->{socket}) if $self->{socket};
}

# ---- Bytes ----

sub record {
	my ($type, $content) = @_;

	return pack('CCnnCx', 1, $type, 1, length $content, 0) . $content;
}

# A stream: its records and the empty one that ends it.
sub stream {
	my ($type, $content) = @_;
	my $out = '';

	for (my $i = 0; $i < length $content; $i += FCGI_RECORD_MAX) {
		$out .= record($type, substr($content, $i, FCGI_RECORD_MAX));
	}
	return $out . record($type, '');
}

sub pair_length {
	my ($n) = @_;

	return $n < 128 ? chr $n : pack('N', $n | 0x80000000);
}

sub params_text {
	my (%params) = @_;

	return join('', map { pair_length(length $_) .
	    pair_length(length $params{$_}) . $_ . $params{$_} }
	    sort keys %params);
}

# The bytes of a request. Options: query, body, length (CONTENT_LENGTH; the
# body's when not given), remote, keep (default yes), params (more of them),
# open (leaves the body's stream unfinished).
sub request_bytes {
	my ($method, $path, %opt) = @_;
	my $body = $opt{body} // '';
	my %params = (REQUEST_METHOD => $method, SCRIPT_NAME => $path,
	    QUERY_STRING => $opt{query} // '',
	    CONTENT_LENGTH => $opt{length} //
	    (defined $opt{body} ? length $body : ''),
	    REMOTE_ADDR => $opt{remote} // '127.0.0.1',
	    GATEWAY_INTERFACE => 'CGI/1.1', %{ $opt{params} // {} });
	my $flags = $opt{keep} // 1 ? FCGI_KEEP_CONN : 0;
	my $in = stream(FCGI_STDIN, $body);

	$in = substr($in, 0, -8) if $opt{open};
	return record(FCGI_BEGIN_REQUEST, pack('nCx5', 1, $flags)) .
	    stream(FCGI_PARAMS, params_text(%params)) . $in;
}

# ---- Requests ----

# Sends bytes; false when the responder has closed the connection.
sub send_bytes {
	my ($self, $bytes) = @_;
	my $socket = $self->connect;
	my $done = 0;

	while ($done < length $bytes) {
		my $n = syswrite($socket, $bytes, length($bytes) - $done,
		    $done);
		next if !defined $n && $!{EINTR};
		return 0 if !defined $n;
		$done += $n;
	}
	return 1;
}

# Exactly $n bytes, or undef at the end of the connection.
sub read_exactly {
	my ($self, $n) = @_;
	my $text = '';

	while (length $text < $n) {
		my $ready = '';
		vec($ready, fileno $self->{socket}, 1) = 1;
		my $found = select($ready, undef, undef,
		    $self->{patience_s});
		next if $found < 0 && $!{EINTR};
		die "no answer within $self->{patience_s} s\n" if !$found;
		my $got = sysread($self->{socket}, $text, $n - length $text,
		    length $text);
		next if !defined $got && $!{EINTR};
		return if !$got;
	}
	return $text;
}

# The answer to what was sent: { status, headers, body }, undef when the
# connection ended before it was complete.
sub answer {
	my ($self) = @_;
	my $out = '';

	while (1) {
		my $header = $self->read_exactly(8);
		last if !defined $header;
		my (undef, $type, undef, $length, $padding) =
		    unpack('CCnnC', $header);
		my $content = $self->read_exactly($length + $padding);
		last if !defined $content;
		$out .= substr($content, 0, $length) if $type == FCGI_STDOUT;
		return parse($out) if $type == FCGI_END_REQUEST;
	}
	$self->close;
	return;
}

sub answer_and_close {
	my ($self) = @_;
	my $answer = $self->answer;

	$self->close;
	return $answer;
}

sub parse {
	my ($text) = @_;
	my ($head, $body) = split /\r\n\r\n/, $text, 2;
	my %headers = map { /^([^:]+): (.*)$/ ? (lc $1 => $2) : () }
	    split /\r\n/, $head // '';
	my ($status) = ($headers{status} // '') =~ /^(\d+)/;

	return { status => $status, headers => \%headers, body => $body,
	    text => $text };
}

# One request on the kept connection, or on a new one when there is none. A
# kept connection that is closed instead of an answer is an error.
sub request {
	my ($self, $method, $path, %opt) = @_;

	$self->send_bytes(request_bytes($method, $path, %opt));
	my $answer = $self->answer //
	    die "$method $path: the connection ended without an answer\n";
	# What is too large isn't read, and so can't be followed.
	$self->close if !($opt{keep} // 1) || $answer->{status} == 413;
	return $answer;
}

sub get {
	my ($self, $path, %opt) = @_;

	($path, my $query) = split /\?/, $path, 2;
	return $self->request('GET', $path, query => $query // '', %opt);
}

# Posts results: a reference is made JSON of.
sub post {
	my ($self, $body, %opt) = @_;

	$body = JSON::PP->new->utf8->encode($body) if ref $body;
	return $self->request('POST', '/v1/worker/results', body => $body,
	    %opt);
}

1;

# The bytes of HTTP/1.1, as much as the tests need.
package WorknetTest::Http;

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes ();

use WorknetTest::Process qw($PATIENCE_S);

our @EXPORT_OK = qw(http_raw http_read);

# The bytes of one HTTP/1.1 request, unless told otherwise the connection's
# last.
sub http_raw {
	my ($method, $path, $body, %headers) = @_;

	$headers{Connection} //= 'close';
	$headers{'Content-Length'} //= length $body if defined $body;
	$headers{Host} //= 'test';
	return join("\r\n", "$method $path HTTP/1.1",
	    (map { "$_: $headers{$_}" } sort keys %headers), '',
	    $body // '');
}

# The next response on a connection, undef when it ends before.
sub http_read {
	my ($s, $method) = @_;
	my $text = '';
	my $end = Time::HiRes::time() + $PATIENCE_S;

	while (1) {
		my $answer = http_parse($text, $method);
		return $answer if $answer;
		my $ready = '';
		vec($ready, fileno $s, 1) = 1;
		die "nginx doesn't answer\n" if
		    !select($ready, undef, undef, $end - Time::HiRes::time());
		return if !sysread($s, $text, 65536, length $text);
	}
}

# A complete response, or undef. All that nginx gives here has a length.
sub http_parse {
	my ($text, $method) = @_;
	my ($head, $body) = split /\r\n\r\n/, $text, 2;

	return if !defined $body || $head !~ m{\AHTTP/1\.1 (\d+)};
	my $status = $1;
	my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () }
	    split /\r\n/, $head;
	return if ($method // '') ne 'HEAD' &&
	    length $body < ($headers{'content-length'} // 0);
	return { status => $status, headers => \%headers, body => $body };
}

1;

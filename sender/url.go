package sender

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxURL is how long the URL of an endpoint may be, in bytes. Svix takes 65,536, but
// few servers read a request line of more than 8 KiB, and the URL is kept with each
// attempt.
const MaxURL = 2048

// CheckURL returns the URL of an endpoint as it is kept and dialed, or says why it
// cannot be one. Its errors are for the person who has typed it, and do not repeat it.
//
// It is an https URL; plain http is taken if the guard allows any network besides
// the public ones. It has no user, password or fragment, and no port that browsers
// refuse or that is a database's. The host is a name of DNS or an address in the
// usual spelling, and an address has to pass the guard here already. A name passes
// only when it is dialed, as it can change; but localhost, and without allowed
// networks any name without a dot, is refused at once.
//
// The scheme and the host are returned in lower case and in ASCII, without the
// scheme's own port; the path has at least its slash, and no dots to go up by.
//
// With a nil guard it is the operator's word: http, users, ports and addresses are
// his to choose.
func CheckURL(text string, guard *Guard) (string, error) {
	scheme, authority, rest, err := splitURL(text)
	if err != nil {
		return "", err
	}
	if scheme == "http" && !guard.allowsAny() {
		return "", errors.New("the URL must begin with https://")
	}
	user, host, found := cutLast(authority, "@")
	if found && guard != nil {
		return "", errors.New("the URL must have no user and no password; use a header for credentials")
	}
	if found {
		user += "@"
	}
	host, port, err := splitPort(host)
	if err != nil {
		return "", err
	}
	if guard != nil && slices.Contains(badPorts, port) {
		return "", fmt.Errorf("the URL must not have port %d, which is for other protocols", port)
	}
	if host, err = checkHost(host, guard, scheme == "http"); err != nil {
		return "", err
	}
	if port != 0 && port != defaultPort(scheme) {
		host += ":" + strconv.Itoa(port)
	}
	u, err := url.Parse(scheme + "://" + user + host + escapeRest(rest))
	if err != nil {
		return "", errors.New("the URL has a malformed user or path")
	}
	if u = new(url.URL).ResolveReference(u); u.Path == "" {
		u.Path = "/"
	}
	normalized := u.String()
	if len(normalized) > MaxURL {
		return "", errTooLongURL
	}
	return normalized, nil
}

var errTooLongURL = fmt.Errorf("the URL is longer than %d bytes", MaxURL)

// splitURL cuts a URL into its scheme, in lower case, its authority, and the rest. The
// characters that parsers disagree about are refused.
func splitURL(text string) (scheme, authority, rest string, err error) {
	if len(text) > MaxURL {
		return "", "", "", errTooLongURL
	}
	odd := func(r rune) bool {
		return r == '\\' || r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r)
	}
	if strings.ContainsFunc(text, odd) {
		return "", "", "", errors.New("the URL must have no spaces, control characters or backslashes")
	}
	scheme, rest, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "http" && scheme != "https" {
		return "", "", "", errors.New("the URL must begin with https://")
	}
	if strings.Contains(rest, "#") {
		return "", "", "", errors.New("the URL must have no fragment, which is never sent")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	return scheme, rest[:end], rest[end:], nil
}

// cutLast is [strings.Cut] at the last separator; all is after it if there is none.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(separator):], true
}

// splitPort cuts the port off, which is 0 if there is none.
func splitPort(authority string) (host string, port int, err error) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || i < strings.LastIndexByte(authority, ']') {
		return authority, 0, nil
	}
	text := authority[i+1:]
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '0' || text[0] == '+' {
		return "", 0, errors.New("the URL's port must be a number from 1 to 65535")
	}
	return authority[:i], int(n), nil
}

func defaultPort(scheme string) int {
	if scheme == "http" {
		return 80
	}
	return 443
}

// checkHost returns a host as it is dialed.
func checkHost(host string, guard *Guard, plain bool) (string, error) {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		if err != nil || !closed || !address.Is6() || address.Is4In6() || address.Zone() != "" {
			return "", errors.New("the URL's host in brackets must be an IPv6 address, without a zone")
		}
		return "[" + address.String() + "]", guard.Check(address, plain)
	}
	name, err := checkName(host)
	if err != nil {
		return "", err
	}
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	switch {
	case isNumber(last):
		// Only what was typed as an address is one: fullwidth digits become digits.
		address, err := netip.ParseAddr(name)
		if err != nil || !strings.EqualFold(name, host) {
			return "", errors.New("the URL's host must be a name, or an IPv4 address as four decimal numbers")
		}
		return name, guard.Check(address, plain)
	case last == "localhost":
		if guard.Check(netip.IPv6Loopback(), plain) != nil {
			return name, guard.Check(netip.AddrFrom4([4]byte{127, 0, 0, 1}), plain)
		}
	case len(labels) == 1 && !guard.allowsAny():
		return "", errors.New("the URL's host must be a full name, with a dot")
	}
	return name, nil
}

// checkName returns a host name in lower case and ASCII.
func checkName(host string) (string, error) {
	malformed := errors.New("the URL's host must be a name of letters, digits, hyphens and dots")
	name := strings.ToLower(host)
	if strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		if strings.ContainsFunc(host, func(r rune) bool { return r < ' ' || r == '%' || r == ':' || r == '[' || r == ']' }) {
			return "", malformed
		}
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", malformed
		}
		name = ascii
	}
	if len(name) > 253 {
		return "", malformed
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", malformed
		}
		if strings.ContainsFunc(label, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' }) {
			return "", malformed
		}
		if strings.HasPrefix(label, "xn--") {
			if _, err := idna.Lookup.ToUnicode(label); err != nil {
				return "", malformed
			}
		}
	}
	return name, nil
}

// isNumber says whether some parsers take a host with this last label for an address.
func isNumber(label string) bool {
	if hex, found := strings.CutPrefix(label, "0x"); found {
		return !strings.ContainsFunc(hex, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
	}
	return !strings.ContainsFunc(label, func(r rune) bool { return r < '0' || r > '9' })
}

// escapeRest writes what is not allowed in a path or query as percent signs and hex.
func escapeRest(rest string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(rest) {
		if c >= utf8.RuneSelf || strings.IndexByte("\"<>^`{|}", c) >= 0 {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// badPorts are the ports that browsers refuse (the WHATWG's Fetch standard), and
// those of databases, caches and queues that read more into a request than they
// should.
var badPorts = []int{
	1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
	117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587,
	601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679,
	6697, 10080,

	1433, 1521, 3306, 3389, 5432, 5672, 5900, 6379, 9042, 9092, 11211, 27017,
}

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// capture is a webhook as someone saved it.
type capture struct {
	request *verifier.Request
	body    []byte
	// without says that the capture shows no body, and note what may be wrong with the
	// one that it shows.
	without bool
	note    string
	// scheme and received are what a gateway knew of it.
	scheme   string
	received time.Time
}

// readCapture reads a capture of any kind that it knows by how it begins: the JSON of a
// stored event, curl --trace and --trace-ascii, curl -v, and else a request in HTTP/1
// form.
func readCapture(data []byte) (c capture, err error) {
	first, _, _ := bytes.Cut(bytes.TrimLeft(data, "\ufeff \t\r\n"), []byte("\n"))
	switch {
	case bytes.HasPrefix(first, []byte("{")):
		return readEventJSON(data)
	case traceLine.Match(first):
		return readTrace(string(data))
	case bytes.HasPrefix(first, []byte("* ")), bytes.HasPrefix(first, []byte("> ")):
		return readVerbose(string(data))
	}
	c.request, c.body, err = parseRequest(data)
	return c, err
}

// curlTalk is what curl -v says beside what it sends: of the connection, of the
// response, and how much data went through.
var curlTalk = regexp.MustCompile(`^(\* |<( |\r?$)|[{}] \[\d+ bytes data\])`)

// readVerbose reads what curl -v has printed. The body is not part of that, unless
// someone has put it below the head.
func readVerbose(text string) (c capture, err error) {
	var head, body strings.Builder
	began, ended, answered := false, false, false
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		talk := curlTalk.MatchString(bare)
		switch {
		case strings.HasPrefix(bare, ">") && (!began || answered):
			head.WriteString(line) // of a second request it is refused
		case talk:
			ended = ended || began
			answered = answered || bare[0] == '<'
		case bare == "" && !began, ended, answered: // nothing, or the response
		default:
			began = true
			body.WriteString(line)
		}
	}
	c.request = newRequest()
	if err := addHead(c.request, head.String()); err != nil {
		return c, err
	}
	if len(c.request.Header) == 0 {
		return c, errors.New(`it has no lines that begin with "> ", which is how curl -v shows what it sends`)
	}
	c.without = !began
	c.body = []byte(body.String())
	if ended { // what begins on a new line, ends the one before
		c.body = bytes.TrimSuffix(bytes.TrimSuffix(c.body, []byte("\n")), []byte("\r"))
	}
	c.body, err = shorten(c.request, c.body)
	return c, err
}

// errSeveral refuses to mix the headers of two requests.
var errSeveral = errors.New("a second request begins here; leave one of them")

func badLine(n int, err error) error { return fmt.Errorf("line %d: %w", n, err) }

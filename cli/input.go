package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"
)

// stdin is standard input, which can stand for one thing only.
type stdin struct {
	io.Reader
	is string // what was read from it
}

// take makes it stand for what.
func (s *stdin) take(what string) error {
	if s.is != "" {
		return fmt.Errorf("standard input cannot be both %s and %s; put one of them into a file", s.is, what)
	}
	s.is = what
	return nil
}

// read reads all of it, as what.
func (s *stdin) read(what string) ([]byte, error) {
	if err := s.take(what); err != nil {
		return nil, err
	}
	return io.ReadAll(s)
}

// readFile reads a file; "-" is standard input.
func (s *stdin) readFile(path, what string) ([]byte, error) {
	if path == "-" {
		return s.read(what)
	}
	return os.ReadFile(path)
}

// readBody reads the body that the only argument names, standard input if there
// is none. file is empty for standard input.
func readBody(args []string, in *stdin) (body []byte, file string, err error) {
	if len(args) > 1 {
		return nil, "", fmt.Errorf("one body file at most, not %d", len(args))
	}
	if len(args) == 0 || args[0] == "-" {
		body, err = in.read("the body")
		return body, "", err
	}
	body, err = os.ReadFile(args[0])
	return body, args[0], err
}

// parseTime reads a time from the command line: RFC 3339, or seconds or
// milliseconds since 1970, which have at least 13 digits.
func parseTime(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if len(text) >= 13 {
			return time.UnixMilli(n), nil
		}
		return time.Unix(n, 0), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, errors.New("a time is seconds since 1970 or RFC 3339, as 2026-02-20T16:25:51Z")
	}
	return at, nil
}

// checkURL reports why a webhook cannot be sent to a URL; nil if it can.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.New("it has to be a whole URL, as http://127.0.0.1:8080/hooks")
	}
	return err
}

package cli

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	// traceLine begins a part of what curl --trace and --trace-ascii write, with
	// --trace-time or without.
	traceLine = regexp.MustCompile(`^(?:[0-9:.]+ )?(== Info:|=> Send |<= Recv )`)
	// traceSent is one that was sent in the clear.
	traceSent = regexp.MustCompile(`^(?:[0-9:.]+ )?=> Send (header|data), (\d+) bytes`)
	// traceBytes is a line of such a part, and traceHex what --trace has in it.
	traceBytes = regexp.MustCompile(`^([0-9a-f]{4,8}): (.*)$`)
	traceHex   = regexp.MustCompile(`^((?:[0-9a-f]{2} ){1,16})`)
)

// tracePart is what one "=> Send" shows.
type tracePart struct {
	size   int
	bytes  []byte
	broken bool // it does not show all bytes, or not as they are
}

// readTrace reads what curl --trace or --trace-ascii has written. The latter shows
// what does not print as dots.
func readTrace(text string) (c capture, err error) {
	var head, data []*tracePart
	var part *tracePart
	asHex := false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if m := traceSent.FindStringSubmatch(line); m != nil {
			size, err := strconv.Atoi(m[2])
			if err != nil {
				return c, badLine(i+1, errors.New("that is no number of bytes"))
			}
			part = &tracePart{size: size}
			if m[1] == "data" {
				data = append(data, part)
				continue
			}
			if head = append(head, part); len(head) > 1 {
				return c, badLine(i+1, errSeveral)
			}
			continue
		}
		m := traceBytes.FindStringSubmatch(line)
		switch {
		case traceLine.MatchString(line):
			part = nil
		case part == nil || m == nil:
		case asHex || part == head[0] && len(part.bytes) == 0 && traceHex.MatchString(m[2]):
			asHex = true
			if err := part.addHex(m[2]); err != nil {
				return c, badLine(i+1, err)
			}
		default:
			if err := part.addText(m[1], m[2]); err != nil {
				return c, badLine(i+1, err)
			}
		}
	}
	if len(head) == 0 {
		return c, errors.New(`it has no "=> Send header", which is how curl --trace shows a request`)
	}
	whole, broken := append(bytes.TrimRight(head[0].end(), "\r\n"), "\r\n\r\n"...), false
	for _, p := range data {
		whole = append(whole, p.end()...)
		broken = broken || p.broken
	}
	if broken {
		c.note = "The trace does not show the body byte for byte: --trace-ascii writes a dot for what does not print. Use curl --trace, or give the body in a file."
	}
	c.without = len(data) == 0
	c.request, c.body, err = parseRequest(whole)
	return c, err
}

func (p *tracePart) addHex(text string) error {
	digits := strings.ReplaceAll(traceHex.FindString(text), " ", "")
	if most := 2 * (p.size - len(p.bytes)); len(digits) > most {
		digits = digits[:max(0, most)] // the text beside it looks like more
	}
	b, err := hex.DecodeString(digits)
	p.bytes = append(p.bytes, b...)
	return err
}

// addText adds a line of --trace-ascii, which breaks lines where there is CRLF and
// leaves that out.
func (p *tracePart) addText(offset, text string) error {
	at, err := strconv.ParseInt(offset, 16, 32)
	if err != nil {
		return errors.New("that is no offset")
	}
	switch gap := int(at) - len(p.bytes); gap {
	case 0:
	case 2:
		p.bytes = append(p.bytes, "\r\n"...)
	default:
		return fmt.Errorf("the offset is %s where %04x is to be expected: lines are missing", offset, len(p.bytes))
	}
	p.broken = p.broken || strings.Contains(text, ".")
	p.bytes = append(p.bytes, text...)
	return nil
}

// end returns the bytes.
func (p *tracePart) end() []byte {
	if p.size-len(p.bytes) == 2 {
		p.bytes = append(p.bytes, "\r\n"...)
	}
	p.broken = p.broken || p.size != len(p.bytes)
	return p.bytes
}

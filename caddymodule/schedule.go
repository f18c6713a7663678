package caddymodule

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/delivery"
)

// Schedule says when attempts are made, and how many wait.
type Schedule struct {
	// The delays before the second and later attempts; the first is immediate.
	// Each is varied by up to 20 %. After the last the event is a dead letter.
	// Default: 5s 5m 30m 2h 5h 10h 10h.
	Retry []caddy.Duration `json:"retry,omitempty"`

	// Repeat the last delay until the event is given up.
	Forever bool `json:"forever,omitempty"`

	// How long after its arrival an event is given up, however many attempts are
	// left. Default: 14d.
	GiveUp caddy.Duration `json:"give_up,omitempty"`

	// How many attempts are made at once. Default: 16.
	Concurrency int `json:"concurrency,omitempty"`

	// How many events may wait; then new ones are answered with 503. Default:
	// 1000000.
	MaxBacklog int64 `json:"max_backlog,omitempty"`
}

// maxConcurrency keeps a typing error from opening a connection for every event.
const maxConcurrency = 1024

// check reports what is wrong with it.
func (s *Schedule) check() error {
	if s.Concurrency < 0 || s.Concurrency > maxConcurrency {
		return fmt.Errorf("concurrency has to be 1 to %d", maxConcurrency)
	}
	if s.MaxBacklog < 0 || s.GiveUp < 0 {
		return errors.New("max_backlog and give_up cannot be negative")
	}
	for _, delay := range s.Retry {
		if delay <= 0 {
			return errors.New("the delays of retry have to be positive")
		}
	}
	return nil
}

// destination is the engine's view of it.
func (s *Schedule) destination(name string, transport delivery.Transport, timeout time.Duration) delivery.Destination {
	d := delivery.Destination{
		Name: name, Transport: transport, Forever: s.Forever,
		GiveUp: time.Duration(s.GiveUp), Timeout: timeout, Concurrency: s.Concurrency,
	}
	for _, delay := range s.Retry {
		d.Retry = append(d.Retry, time.Duration(delay))
	}
	return d
}

// option reads one of its options; ok is false if it is none.
func (s *Schedule) option(c *caddyfile.Dispenser, option string) (ok bool, err error) {
	switch option {
	case "retry":
		err = s.retry(c)
	case "give_up":
		err = duration(c, &s.GiveUp)
	case "concurrency":
		var n int64
		n, err = number(c, maxConcurrency)
		s.Concurrency = int(n)
	case "max_backlog":
		s.MaxBacklog, err = number(c, math.MaxInt32)
	default:
		return false, nil
	}
	return true, err
}

// retry reads the delays.
func (s *Schedule) retry(c *caddyfile.Dispenser) error {
	args := c.RemainingArgs()
	if n := len(args); n > 0 && args[n-1] == "forever" {
		s.Forever, args = true, args[:n-1]
	}
	if len(args) == 0 {
		return c.Err("retry needs at least one delay: retry <delay...> [forever]")
	}
	for _, text := range args {
		delay, err := parseDuration(text)
		if err != nil {
			return c.Errf("retry delay %q: %v", text, err)
		}
		s.Retry = append(s.Retry, delay)
	}
	return nil
}

// number reads one whole number of 1 to most.
func number(c *caddyfile.Dispenser, most int64) (int64, error) {
	option := c.Val()
	var text string
	if !c.AllArgs(&text) {
		return 0, c.Errf("%s needs one number", option)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > most {
		return 0, c.Errf("%s %q: it has to be a whole number of 1 to %d", option, text, most)
	}
	return n, nil
}

package main

import (
	"context"
	"os"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// stage is what every comparison of servers needs: the binary, an app, events, and
// a directory for all that is written.
type stage struct {
	dir, binary string
	body        []byte
	app         *app
	servers     []*server
}

// newStage builds the binary and starts the app. Whatever it returns has to be
// closed.
func newStage(ctx context.Context, size int) (*stage, error) {
	s := new(stage)
	var err error
	if s.dir, err = os.MkdirTemp("", "hookgate-bench-"); err != nil {
		return s, err
	}
	if s.body, err = payload(size); err != nil {
		return s, err
	}
	if s.binary, err = build(ctx, s.dir); err != nil {
		return s, err
	}
	s.app, err = newApp("")
	return s, err
}

// serve starts a server that runs until the stage is closed, if not before.
func (s *stage) serve(ctx context.Context, name string, what site) (*server, error) {
	started, err := serve(ctx, s.binary, s.dir, name, what)
	if err == nil {
		s.servers = append(s.servers, started)
	}
	return started, err
}

// sign returns n events under ids that begin with prefix.
func (s *stage) sign(prefix string, n int) ([]vegeta.Target, error) {
	return signEvents("", prefix, n, s.body, time.Now())
}

func (s *stage) close() {
	for _, started := range s.servers {
		started.stop() // all at once; close waits
	}
	for _, started := range s.servers {
		started.close()
	}
	if s.app != nil {
		_ = s.app.close() // nobody asks it any more
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // what is left there, the system removes
	}
}

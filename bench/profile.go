package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// profileSeconds is how long a profile is taken, which has to be longer than its
// events take.
const profileSeconds = 20

// profile writes profiles of all servers, each in the first of its ways, to
// <prefix>.<way>.cpu.pprof and <prefix>.<way>.allocs.pprof. They are of the same
// number of events, so that one can be subtracted from the other.
func (t *turns) profile(ctx context.Context, prefix string) error {
	if err := t.warm(ctx); err != nil {
		return err
	}
	seen := map[*server]bool{}
	for _, w := range t.ways {
		if seen[w.server] {
			continue
		}
		seen[w.server] = true
		if err := t.profileWay(ctx, w, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (t *turns) profileWay(ctx context.Context, w *way, prefix string) error {
	kinds := map[string]string{"cpu": "profile", "allocs": "allocs"}
	done := make(chan error, len(kinds))
	for kind, path := range kinds {
		go func() {
			done <- w.server.download(ctx, fmt.Sprintf("/debug/pprof/%s?seconds=%d", path, profileSeconds),
				fmt.Sprintf("%s.%s.%s.pprof", prefix, w.name, kind))
		}()
	}
	for round := range 4 {
		events, err := t.sign(fmt.Sprintf("%sp%03d", t.prefix, round), t.requests/4)
		if err != nil {
			return err
		}
		if err := t.measure(ctx, w, events, new(measured)); err != nil {
			return err
		}
	}
	select {
	case err := <-done:
		return fmt.Errorf("a profile of %s ended before its %d events: %w", w.name, t.requests, err)
	default:
	}
	var errs []error
	for range kinds {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

// download writes the answer of the server's admin endpoint to a file.
func (s *server) download(ctx context.Context, path, file string) error {
	to, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(s.get(ctx, path, to), to.Close())
}

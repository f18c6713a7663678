package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// profile writes CPU profiles of both servers to <prefix>.plain.pprof and
// <prefix>.gateway.pprof. They are of the same number of events, so that one can
// be subtracted from the other.
func (b *bench) profile(ctx context.Context, prefix string) error {
	const seconds = 20
	if err := b.warm(); err != nil {
		return err
	}
	for name, s := range map[string]*server{plain: b.plain, gateway: b.gateway} {
		done := make(chan error, 1)
		go func() {
			done <- s.fetch(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds), prefix+"."+name+".pprof")
		}()
		for round := range 4 {
			events, err := b.sign(fmt.Sprintf("p%03d", round), b.requests/4)
			if err != nil {
				return err
			}
			if err := b.measure(name, events, new(measured)); err != nil {
				return err
			}
		}
		select {
		case err := <-done:
			return fmt.Errorf("the profile of %s ended before its %d events: %w", name, b.requests, err)
		default:
		}
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// fetch writes the answer of the server's admin endpoint to a file.
func (s *server) fetch(ctx context.Context, path, file string) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", filepath.Join(s.dir, "admin.sock"))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1"+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	to, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, response.Body); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}

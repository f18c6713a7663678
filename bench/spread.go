package main

import (
	"context"
	"errors"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// servers are all that take the events of a way.
func (w *way) servers() []*server { return append([]*server{w.server}, w.others...) }

// spread addresses events to the servers of a way, one after the other.
func (w *way) spread(events []vegeta.Target) []vegeta.Target {
	servers := w.servers()
	out := at(w.server.url, events)
	for i := range out {
		out[i].URL = servers[i%len(servers)].url
	}
	return out
}

// used returns what the servers of a way have used together so far. They have one
// database, which counts once.
func (w *way) used(ctx context.Context) (sum usage, err error) {
	for i, s := range w.servers() {
		used := s.used()
		commits, err := s.commits(ctx)
		if err != nil {
			return usage{}, err
		}
		sum.cpu, sum.written, sum.commits = sum.cpu+used.cpu, sum.written+used.written, sum.commits+commits
		if i == 0 {
			sum.database = used.database
		}
	}
	return sum, nil
}

// serveAll starts n servers on one database.
func (s *stage) serveAll(ctx context.Context, name string, n int, what site) (servers []*server, err error) {
	for i := range n {
		one, err := s.serve(ctx, name+"-"+string(rune('a'+i)), what)
		if err != nil {
			return nil, err
		}
		servers = append(servers, one)
	}
	if n < 1 {
		return nil, errors.New("no servers")
	}
	return servers, nil
}

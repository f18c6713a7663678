package sender

import (
	"context"
	"fmt"
	"strings"
)

const (
	// keptRoutes is of how many applications is remembered where their messages go, and
	// keptRoute how many bytes of one.
	keptRoutes = 1024
	keptRoute  = 16 << 10
)

// route is where the messages of an application go.
type route struct {
	app       string
	endpoints []routed // in the order of their ids
}

// routed is what an endpoint takes.
type routed struct{ id, types, channels string }

// route returns the id of an application, and those of its endpoints that take a message.
func (s *Sender) route(ctx context.Context, ref string, in *MessageIn) (app string, to []string, err error) {
	if ref == "" {
		return "", nil, fmt.Errorf("application %w", ErrNotFound)
	}
	r, ok, at := s.routes.Get(ref)
	if !ok {
		if r, err = s.readRoute(ctx, ref); err != nil {
			return "", nil, err
		}
		if r.size() <= keptRoute {
			s.routes.Put(ref, r, at)
		}
	}
	for i := range r.endpoints {
		if e := &r.endpoints[i]; takes(e.types, in.EventType) && takes(e.channels, in.Channels...) {
			to = append(to, e.id)
		}
	}
	return r.app, to, nil
}

func (s *Sender) readRoute(ctx context.Context, ref string) (*route, error) {
	r := &route{}
	err := s.Store.QueryOften(ctx, `SELECT a.id, COALESCE(e.id, ''), COALESCE(e.types, ''), COALESCE(e.channels, '') FROM sender_applications a
LEFT JOIN sender_endpoints e ON e.app = a.id AND e.disabled = 0 AND e.deleted = 0 WHERE a.`+refColumn(prefixApplication, ref)+" = ? ORDER BY e.id", []any{ref}, func(scan func(...any) error) error {
		var e routed
		err := scan(&r.app, &e.id, &e.types, &e.channels)
		if e.id != "" {
			r.endpoints = append(r.endpoints, e)
		}
		return err
	})
	if err == nil && r.app == "" {
		err = fmt.Errorf("application %w", ErrNotFound)
	}
	return r, err
}

// size is about how many bytes a route takes up.
func (r *route) size() (n int) {
	for _, e := range r.endpoints {
		n += 64 + len(e.id) + len(e.types) + len(e.channels)
	}
	return n
}

// takes reports whether a list as it is stored has one of the names, or is for all.
func takes(list string, names ...string) bool {
	if list == "" {
		return true
	}
	for _, name := range names {
		if strings.Contains(list, ","+name+",") {
			return true
		}
	}
	return false
}

package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/delivery"
)

// The states of a source, as its destination fares.
const (
	// SourceDirect: it has no forward, and so neither store nor destination.
	SourceDirect = "direct"
	// SourceUp: its destination takes events, or has not been asked yet.
	SourceUp = "up"
	// SourceDown: its destination does not answer; it is probed.
	SourceDown = "down"
	// SourceHeld: its destination asked to be left alone for a while.
	SourceHeld = "held"
	// SourcePaused: an operator paused it.
	SourcePaused = "paused"
	// SourceParked: there are events of it, but the configuration does not have it.
	SourceParked = "parked"
)

// SourceInfo is a source as an operator sees it.
type SourceInfo struct {
	Name string `json:"name"`
	// Destination is where its events go; empty without forward.
	Destination string `json:"destination,omitempty"`
	// Schemes are the accepted ones, as configured; none of a parked source.
	Schemes []SchemeInfo `json:"schemes"`
	// State is one of the Source constants.
	State string `json:"state"`
	// Pending and Dead are how many of its events wait, and were given up.
	Pending int64 `json:"pending"`
	Dead    int64 `json:"dead"`
	// Oldest is since when the oldest pending event waits.
	Oldest time.Time `json:"oldest_pending,omitzero"`
	// PausedSince, DownSince and HeldUntil are set while it is so.
	PausedSince time.Time `json:"paused_since,omitzero"`
	DownSince   time.Time `json:"down_since,omitzero"`
	HeldUntil   time.Time `json:"held_until,omitzero"`
	// InFlight is how many attempts are being made.
	InFlight int `json:"in_flight"`
	// Traffic is what has come to it; nil of a target, and of a parked source.
	Traffic *Traffic `json:"traffic,omitempty"`
}

// SchemeInfo is an accepted scheme.
type SchemeInfo struct {
	Name    string       `json:"name"`
	Secrets []SecretInfo `json:"secrets"`
}

// SecretInfo says when a secret was last of use, never what it is: one that has
// long not been used can be removed.
type SecretInfo struct {
	// Index is the secret's place in the configuration, from 0.
	Index int `json:"index"`
	// LastUsed is when a request was last signed with it, since this process
	// started.
	LastUsed time.Time `json:"last_used,omitzero"`
}

// SourceInfos returns all sources, by name: those of the configuration, and others
// that still have events.
func (o *Operator) SourceInfos() []SourceInfo {
	infos := []SourceInfo{} // an empty list, not null
	status := make(map[string]delivery.Status)
	if o.Engine != nil {
		for _, s := range o.Engine.Status() {
			status[s.Name] = s
		}
	}
	configured := make(map[string]*Source)
	for _, s := range o.Sources {
		configured[s.Name] = s
	}
	names := o.names()
	for destination, s := range status {
		if name, ok := operated(destination); ok && s.Parked {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		s := configured[name]
		if s != nil && s.Forward == nil {
			infos = append(infos, SourceInfo{Name: name, Schemes: o.schemes(s), State: SourceDirect, Traffic: s.traffic()})
			continue
		}
		info := SourceInfo{Name: name, Destination: destination(name), Schemes: []SchemeInfo{}, State: SourceParked}
		info.fare(status[info.Destination], o.Now())
		if o.Reader != nil {
			counts := o.Reader.Counts()[info.Destination]
			info.Pending, info.Dead = counts.Pending, counts.Dead
		}
		switch {
		case s != nil:
			info.Schemes, info.Traffic = o.schemes(s), s.traffic()
		case !slices.Contains(o.Targets, name):
			info.State = SourceParked
		}
		infos = append(infos, info)
	}
	return infos
}

// fare takes over what the engine says of the destination.
func (i *SourceInfo) fare(s delivery.Status, now time.Time) {
	i.InFlight = s.InFlight
	i.Oldest, i.PausedSince, i.DownSince = s.Oldest.UTC(), s.Paused.UTC(), s.Down.UTC()
	if s.HeldUntil.After(now) {
		i.HeldUntil = s.HeldUntil.UTC()
	}
	switch {
	case s.Parked:
		i.State = SourceParked
	case !i.PausedSince.IsZero():
		i.State = SourcePaused
	case !i.DownSince.IsZero():
		i.State = SourceDown
	case !i.HeldUntil.IsZero():
		i.State = SourceHeld
	default:
		i.State = SourceUp
	}
}

func (s *Source) traffic() *Traffic {
	t := s.state.Traffic()
	return &t
}

func (o *Operator) schemes(s *Source) []SchemeInfo {
	infos := make([]SchemeInfo, 0, len(s.Verify))
	for _, v := range s.Verify {
		info := SchemeInfo{Name: v.Scheme.Name, Secrets: make([]SecretInfo, len(v.Secrets))}
		for n := range info.Secrets {
			info.Secrets[n].Index = n
			if o.Uses != nil {
				info.Secrets[n].LastUsed = o.Uses.Last(s.Name, v.Scheme.Name, n)
			}
		}
		infos = append(infos, info)
	}
	return infos
}

// SecretUses is when each secret was last of use. The zero value is ready; it is
// safe for concurrent use.
type SecretUses struct {
	mu sync.RWMutex
	at map[secretPlace]*atomic.Int64 // microseconds since 1970
}

// secretPlace names a secret: the schemes of one source have names of their own.
type secretPlace struct {
	source, scheme string
	index          int
}

// Record notes that a request of a source was signed with a secret. The names have
// to be configured ones, as they are kept for as long as the process runs.
func (u *SecretUses) Record(source, scheme string, index int, now time.Time) {
	place := secretPlace{source, scheme, index}
	u.mu.RLock()
	at, ok := u.at[place]
	u.mu.RUnlock()
	if !ok {
		at = u.add(place)
	}
	at.Store(now.UnixMicro())
}

func (u *SecretUses) add(place secretPlace) *atomic.Int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at == nil {
		u.at = make(map[secretPlace]*atomic.Int64)
	}
	if u.at[place] == nil {
		u.at[place] = new(atomic.Int64)
	}
	return u.at[place]
}

// Last returns when a secret was last of use; the zero time if it never was.
func (u *SecretUses) Last(source, scheme string, index int) time.Time {
	u.mu.RLock()
	defer u.mu.RUnlock()
	at, ok := u.at[secretPlace{source, scheme, index}]
	if !ok {
		return time.Time{}
	}
	return time.UnixMicro(at.Load()).UTC()
}

package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/dedupe"
	"github.com/hookgate/hookgate/verifier"
)

// The defaults of a source.
const (
	DefaultMaxBody     = 1 << 20
	DefaultReadTimeout = 10 * time.Second
	DefaultWait        = 2 * time.Second
	DefaultTimeout     = 15 * time.Second
	DefaultEntries     = 1_000_000
	// DefaultWindow is how long events are remembered at least, and how old an
	// event may be that carries its own time rather than the attempt's: memory
	// cannot hold more.
	DefaultWindow = 72 * time.Hour
)

// Verify is one way a source may be signed.
type Verify struct {
	Scheme  verifier.Scheme
	Secrets []string
	Options verifier.Options
}

// Config describes a source. Zero values take the defaults.
type Config struct {
	// Name of the source, [a-z0-9][a-z0-9_-]{0,63}.
	Name string
	// Verify lists the accepted schemes. The first whose signature header is
	// present decides, alone.
	Verify []Verify
	// Dedupe says what is remembered.
	Dedupe Dedupe
	// MaxBody in bytes; default: the largest cap a scheme documents, else 1 MiB.
	MaxBody int64
	// ReadTimeout is for the whole body.
	ReadTimeout time.Duration
	// Wait is how long a duplicate of an event in flight waits for its outcome.
	Wait time.Duration
	// Timeout is for one run of the next handlers.
	Timeout time.Duration
	// Logger takes refusals and odd events. Default: discard.
	Logger *slog.Logger
	// Observer sees every request's outcome. Default: nobody.
	Observer Observer
	// Forward makes the source a stored one: events are kept before they are
	// answered, and forwarded later. nil: they are passed on at once.
	Forward *Forward
}

// Dedupe says how a source remembers events.
type Dedupe struct {
	// Off remembers nothing; only for schemes that sign the attempt's time.
	Off bool
	// Window is how long an event is remembered; default: the larger of 72 h and
	// the scheme's retry horizon + 25 %; 35 days for a stored source of a provider
	// whose retries have no end.
	Window time.Duration
	// Entries bounds the memory: about 100 bytes each. Not for stored sources, whose
	// memory is the store.
	Entries int
}

// Source is a configured provider. It is safe for concurrent use.
type Source struct {
	Config
	process *Process
	state   *State

	// repeatsCount: the operator asked for dedupe, so that equal bodies are
	// duplicates even of a scheme where they may be distinct events.
	repeatsCount bool

	hop    string         // in Hookgate-Via
	memory *dedupe.Memory // nil for a source that is stored or remembers nothing
	outlet *outlet        // nil for a source that passes on

	macs bool // a handshake is answered with a MAC, see [verifier.Verifier.MACs]

	verifiers atomic.Pointer[[]*verifier.Verifier]
	rekeying  sync.Mutex
	current   []Verify // as verifiers was made of
}

// NewSource checks cfg and returns the source. It changes nothing of state until
// [Source.Start].
func NewSource(cfg Config, process *Process, state *State) (*Source, error) {
	s := &Source{Config: cfg, process: process, state: state, hop: process.hop(cfg.Name)}
	s.Verify = slices.Clone(cfg.Verify)
	if err := s.complete(); err != nil {
		return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	return s, nil
}

func (s *Source) complete() error {
	if !ValidName(s.Name) {
		return errors.New("the name has to be 1 to 64 of a-z, 0-9, _ and -, and to begin with a letter or digit")
	}
	s.ReadTimeout = orDefault(s.ReadTimeout, DefaultReadTimeout)
	s.Timeout = orDefault(s.Timeout, DefaultTimeout)
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Observer == nil {
		s.Observer = nobody{}
	}
	if s.MaxBody < 0 || s.ReadTimeout < 0 || s.Wait < 0 || s.Timeout < 0 || s.Dedupe.Window < 0 || s.Dedupe.Entries < 0 {
		return errors.New("sizes and durations cannot be negative")
	}
	if s.Forward != nil && (s.Dedupe.Entries > 0 || s.Wait > 0) {
		return errors.New("forward: wait and the entries of dedupe mean nothing where events are stored: the store answers copies at once and remembers all; remove them")
	}
	s.Wait = orDefault(s.Wait, DefaultWait)
	if len(s.Verify) == 0 {
		return errors.New("nothing says how to verify: add \"verify <scheme> <secret>\"")
	}
	verifiers := make([]*verifier.Verifier, len(s.Verify))
	largest := int64(0)
	for i := range s.Verify {
		if s.Forward == nil {
			s.Verify[i].limitAge()
		}
		v, err := s.Verify[i].compile()
		if err != nil {
			return err
		}
		verifiers[i] = v
		s.macs = s.macs || v.MACs()
		largest = max(largest, orDefault(s.Verify[i].Scheme.MaxBody, DefaultMaxBody))
	}
	s.MaxBody = orDefault(s.MaxBody, largest)
	if err := compatible(verifiers); err != nil {
		return err
	}
	if s.Forward != nil {
		if err := s.completeForward(verifiers); err != nil {
			return err
		}
	}
	s.verifiers.Store(&verifiers)
	s.current = slices.Clone(s.Verify)
	return s.completeDedupe(verifiers)
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func (v *Verify) compile() (*verifier.Verifier, error) {
	return verifier.New(v.Scheme, v.Secrets, v.Options)
}

// compatible refuses schemes between which an attacker could choose to his
// advantage, or that cannot be told apart.
func compatible(verifiers []*verifier.Verifier) error {
	seen := map[string]string{}
	for i, v := range verifiers {
		if v.Weak() != verifiers[0].Weak() {
			return fmt.Errorf("schemes %s and %s are not of one strength: a forger would choose the weaker; use two sources", verifiers[0].Name(), v.Name())
		}
		for _, place := range v.SignaturePlaces() {
			if other, ok := seen[place]; ok {
				return fmt.Errorf("schemes %s and %s both have their signature in %s and cannot be told apart; give one verify all the secrets, or use two sources", other, v.Name(), place)
			}
		}
		for _, place := range v.SignaturePlaces() {
			seen[place] = verifiers[i].Name()
		}
	}
	return nil
}

// Start applies the source's settings to what it remembers. Before, a source of
// the same name and other settings may still be running.
func (s *Source) Start() error {
	s.state.counter.begin(s.process.Now())
	if s.memory == nil {
		s.state.memory.Store(nil) // of an earlier configuration, which may still use it
		return nil
	}
	return s.memory.Configure(s.memoryConfig(*s.verifiers.Load()))
}

// Rekey replaces the secrets of the i-th verify. Requests already being verified
// finish with the old ones. On an error the old ones stay in force.
func (s *Source) Rekey(i int, secrets []string) error {
	return s.change(i, func(v *Verify) { v.Secrets = secrets })
}

// SetVerifyToken replaces the token by which the i-th verify answers a handshake, as
// Rekey does its secrets.
func (s *Source) SetVerifyToken(i int, token string) error {
	return s.change(i, func(v *Verify) {
		v.Options.Answer = &verifier.Answer{Kind: v.Options.Answer.Kind, VerifyToken: token}
	})
}

func (s *Source) change(i int, by func(*Verify)) error {
	s.rekeying.Lock()
	defer s.rekeying.Unlock()
	changed := s.current[i]
	by(&changed)
	v, err := changed.compile()
	if err != nil {
		return fmt.Errorf("source %s: %w", s.Name, err)
	}
	verifiers := slices.Clone(*s.verifiers.Load())
	verifiers[i], s.current[i] = v, changed
	s.verifiers.Store(&verifiers)
	return nil
}

// ValidName reports whether name can be a source's.
func ValidName(name string) bool {
	if name == "" || len(name) > 64 || strings.Trim(name[:1], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

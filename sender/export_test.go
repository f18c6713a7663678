package sender

import (
	"context"

	"github.com/hookgate/hookgate/store"
)

// SetPost makes a sender's requests be answered without a network.
func SetPost(s *Sender, post func(context.Context, Post) *Exchange) { s.post = post }

// SetProducerPost is SetPost for a producer.
func SetProducerPost(p *Producer, post func(context.Context, Post) *Exchange) { p.post = post }

// Fresh reports whether something is sealed with the first key.
func (k *Keyring) Fresh(text []byte) bool { return k.fresh(text) }

// SweepOnce deletes what is left of deleted endpoints.
func (s *Sender) SweepOnce(ctx context.Context) error { return s.sweepOnce(ctx) }

// NewID and MessageID make ids.
var (
	NewID     = newID
	MessageID = messageID
)

// AttemptID is the id of an attempt.
func AttemptID(t *store.Tried) string { return keyOf(t).id() }

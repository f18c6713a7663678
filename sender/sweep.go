package sender

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	// sweepEvery is how often deleted endpoints are looked at, and sweepStep how many at once.
	sweepEvery = time.Hour
	sweepStep  = 100
)

// sweep deletes the rows of deleted endpoints of which nothing is stored any more, and
// old secrets that sign no more.
func (s *Sender) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Warn("deleting what is left of endpoints goes on later", slog.Any("error", err))
		}
	}
}

func (s *Sender) sweepOnce(ctx context.Context) error {
	err := s.Store.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("DELETE FROM sender_secrets WHERE expires > 0 AND expires <= ?", millis(tx.Now))
		return err
	})
	if err != nil {
		return fmt.Errorf("deleting expired secrets: %w", err)
	}
	for after := ""; ; {
		deleted, err := readEndpoints(s.reading(ctx), "deleted > 0 AND id > ? ORDER BY id LIMIT ?", []any{after, sweepStep})
		if err != nil {
			return err
		}
		for i := range deleted {
			after = deleted[i].ID
			if err := s.sweepEndpoint(ctx, &deleted[i]); err != nil {
				return err
			}
		}
		if len(deleted) < sweepStep {
			return nil
		}
	}
}

// sweepEndpoint deletes the row of a deleted endpoint, if nothing of it is stored.
func (s *Sender) sweepEndpoint(ctx context.Context, ep *Endpoint) error {
	found, _, err := s.Store.DeliveriesTo(ctx, ep.ID, store.DeliveryFilter{Limit: 1})
	if err != nil || len(found) > 0 {
		return err
	}
	return s.Store.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("DELETE FROM sender_endpoints WHERE app = ? AND id = ? AND deleted > 0", ep.AppID, ep.ID)
		return err
	})
}

package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookgate/hookgate/store"
)

// resealStep is how much is sealed anew in one transaction, which others wait for.
const resealStep = 50

// reseal seals with the first key what is sealed with another, in small steps, so that
// an old key can be taken out of the configuration. What no key opens is left as it is.
func (s *Sender) reseal(ctx context.Context) {
	for _, of := range []func(context.Context, string, int64) (string, int64, counted, error){s.resealSecrets, s.resealHeaders} {
		var total counted
		var at string
		var number int64
		for wait := time.Second; ; {
			next, nextNumber, n, err := of(ctx, at, number)
			total.sealed, total.lost = total.sealed+n.sealed, total.lost+n.lost
			if err == nil && next == "" {
				break
			}
			if err == nil {
				at, number, wait = next, nextNumber, time.Second
				continue
			}
			if ctx.Err() != nil {
				return
			}
			s.Logger.Warn("sealing secrets with the first key goes on later", slog.Any("error", err))
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
				wait = min(2*wait, time.Minute)
			}
		}
		if total.sealed > 0 {
			s.Logger.Info("secrets are sealed with the first key now", slog.Int("secrets", total.sealed))
		}
		if total.lost > 0 {
			s.Logger.Error("secrets cannot be opened with the keys that are configured: nothing is sent to their endpoints until the key is back", slog.Int("secrets", total.lost))
		}
	}
}

// counted is how much was sealed anew, and how much no key opens.
type counted struct{ sealed, lost int }

// sealedRow is something sealed, with where it is.
type sealedRow struct {
	endpoint string
	number   int64
	owner    string
	text     []byte
}

func (s *Sender) resealSecrets(ctx context.Context, at string, number int64) (string, int64, counted, error) {
	return s.resealNext(ctx, at, "SELECT endpoint, number, sealed FROM sender_secrets WHERE (endpoint, number) > (?, ?) ORDER BY endpoint, number LIMIT ?",
		[]any{at, number, resealStep}, func(r *sealedRow) { r.owner = secretOwner(r.endpoint, r.number) },
		func(tx *store.Tx, r *sealedRow, anew []byte) error {
			_, err := tx.Exec("UPDATE sender_secrets SET sealed = ? WHERE endpoint = ? AND number = ? AND sealed = ?", anew, r.endpoint, r.number, r.text)
			return err
		})
}

func (s *Sender) resealHeaders(ctx context.Context, at string, _ int64) (string, int64, counted, error) {
	return s.resealNext(ctx, at, "SELECT id, 0, headers FROM sender_endpoints WHERE id > ? AND headers IS NOT NULL ORDER BY id LIMIT ?",
		[]any{at, resealStep}, func(r *sealedRow) { r.owner = headersOwner(r.endpoint) },
		func(tx *store.Tx, r *sealedRow, anew []byte) error {
			_, err := tx.Exec("UPDATE sender_endpoints SET headers = ? WHERE id = ? AND headers = ?", anew, r.endpoint, r.text)
			return err
		})
}

// resealNext seals the next rows anew, and returns the last of them; "" if there are no
// more. A row that is changed meanwhile is left alone: it is sealed with the first key.
func (s *Sender) resealNext(ctx context.Context, at, query string, args []any, own func(*sealedRow), write func(*store.Tx, *sealedRow, []byte) error) (next string, number int64, n counted, err error) {
	var all, old []sealedRow
	err = s.reading(ctx)(query, args, func(scan func(...any) error) error {
		var r sealedRow
		err := scan(&r.endpoint, &r.number, &r.text)
		all = append(all, r)
		return err
	})
	if err != nil || len(all) == 0 {
		return "", 0, n, err
	}
	for i := range all {
		if own(&all[i]); !s.Keys.fresh(all[i].text) {
			old = append(old, all[i])
		}
	}
	last := &all[len(all)-1]
	if len(old) == 0 {
		return last.endpoint, last.number, n, nil
	}
	var done counted // is not looked at if ctx ends before the commit
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		done = counted{}
		for i := range old {
			r := &old[i]
			plain, err := s.Keys.Open(r.owner, r.text)
			if errors.Is(err, errNoKey) || errors.Is(err, errBroken) {
				done.lost++
				continue
			}
			if err == nil {
				err = write(tx, r, s.Keys.Seal(r.owner, plain))
			}
			if err != nil {
				return fmt.Errorf("sealing anew: %w", err)
			}
			done.sealed++
		}
		return nil
	})
	if err != nil {
		return at, 0, counted{}, err
	}
	return last.endpoint, last.number, done, nil
}

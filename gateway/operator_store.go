package gateway

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/store"
)

// Backup writes a consistent, checked copy of the store to a new file on the
// machine of this process, while everything goes on. The path has to be absolute;
// nothing is overwritten.
func (o *Operator) Backup(ctx context.Context, path string) error {
	r, err := o.reader()
	if err != nil {
		return err
	}
	if !filepath.IsAbs(path) {
		return invalid("The path of a copy has to be absolute; %.200q is not.", path)
	}
	err = r.Backup(ctx, path)
	if isFileError(err) {
		return &OperatorError{http.StatusConflict, "conflict", err.Error()}
	}
	return err
}

// Stats is how a store fares.
type Stats struct {
	// Trouble says why events are not accepted now; empty if they are.
	Trouble string `json:"trouble,omitempty"`
	// Used is what the store holds, in bytes; Free what can still be written, on the
	// disk and within the file, -1 if that is not known.
	Used int64 `json:"used_bytes"`
	Free int64 `json:"free_bytes"`
	// Keys is how many events are remembered to tell duplicates, -1 if that is not
	// known.
	Keys int `json:"keys"`
	// Pending and Dead are how many deliveries wait, and were given up.
	Pending int64 `json:"pending"`
	Dead    int64 `json:"dead"`
	// Destinations are those that have such deliveries, by name.
	Destinations []DestinationStats `json:"destinations"`
}

// DestinationStats counts the deliveries of one destination.
type DestinationStats struct {
	Destination string `json:"destination"`
	Pending     int64  `json:"pending"`
	Dead        int64  `json:"dead"`
}

// Stats returns how the store fares.
func (o *Operator) Stats() (Stats, error) {
	r, err := o.reader()
	if err != nil {
		return Stats{}, err
	}
	space := r.Space()
	stats := Stats{Used: space.Used, Free: space.Free, Keys: r.Keys(), Destinations: []DestinationStats{}}
	if err := r.Trouble(); err != nil {
		stats.Trouble = err.Error()
	}
	for destination, n := range r.Counts() {
		stats.Pending += n.Pending
		stats.Dead += n.Dead
		if n != (store.Count{}) {
			stats.Destinations = append(stats.Destinations, DestinationStats{destination, n.Pending, n.Dead})
		}
	}
	slices.SortFunc(stats.Destinations, func(a, b DestinationStats) int { return strings.Compare(a.Destination, b.Destination) })
	return stats, nil
}

// isFileError reports whether an error is of the file that was named.
func isFileError(err error) bool {
	return errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

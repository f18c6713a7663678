package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkpointEvery is how often the log is written back beside the commits.
	checkpointEvery = 250 * time.Millisecond
	// maxLog is how long the log may grow before commits wait for it.
	maxLog = 64 << 20
)

// checkpointer writes the log back to the file on a connection of its own, so that
// commits do not wait for it. Under a load that never pauses the log is never
// reset by that, so beyond maxLog the committer does it itself.
type checkpointer struct {
	db      *sql.DB
	logFile string
	stop    chan struct{}
	stopped sync.WaitGroup
	running sync.Mutex  // one writes the log back at a time: the other would fail
	commits int         // the committer's
	dirty   atomic.Bool // there are commits since the last checkpoint
}

func newCheckpointer(path string) (*checkpointer, error) {
	db, err := open(path, "rw", readCache, "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c := &checkpointer{db: db, logFile: path + logSuffix, stop: make(chan struct{})}
	c.stopped.Go(c.run)
	return c, nil
}

func (c *checkpointer) run() {
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-ticker.C:
			if !c.dirty.Swap(false) {
				continue
			}
			// An error is no harm: the log stays, and a commit finds out what is wrong.
			var blocked, frames, done int
			c.running.Lock()
			_ = c.db.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&blocked, &frames, &done)
			c.running.Unlock()
		}
	}
}

// tidy is called after each commit, and looks at the log after some; now says that it
// is to be begun anew in any case.
func (c *checkpointer) tidy(ctx context.Context, writer *sql.Conn, now bool) error {
	c.dirty.Store(true)
	if now {
		return c.truncate(ctx, writer)
	}
	if c.commits++; c.commits%64 != 0 {
		return nil
	}
	info, err := os.Stat(c.logFile)
	if err != nil {
		return fmt.Errorf("looking at the log: %w", err)
	}
	if info.Size() < maxLog {
		return nil
	}
	return c.truncate(ctx, writer)
}

// truncate begins the log anew, if no reader is in the way.
func (c *checkpointer) truncate(ctx context.Context, writer *sql.Conn) error {
	c.running.Lock()
	defer c.running.Unlock()
	_, err := truncateLog(ctx, writer)
	return err
}

func (c *checkpointer) close() error {
	close(c.stop)
	c.stopped.Wait()
	return c.db.Close()
}

// truncateLog writes the whole log back and begins it anew. If a reader is in its
// way it is not waited for, and the log only goes on growing; blocked says that not
// even all of it could be written back.
func truncateLog(ctx context.Context, conn *sql.Conn) (blocked bool, err error) {
	var busy, frames, done int
	_, err = conn.ExecContext(ctx, "PRAGMA busy_timeout(0)")
	if err == nil {
		err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done)
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", busyTimeout.Milliseconds()))
	}
	if err != nil {
		return false, fmt.Errorf("writing back the log: %w", classify(err))
	}
	return busy != 0 && done != frames, nil
}

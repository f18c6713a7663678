package delivery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestJobs are run to their end, beside each other, over errors and restarts.
func TestJobs(t *testing.T) {
	for name, interfere := range map[string]func(b *bed){
		"undisturbed": func(*bed) {},
		"store fails": func(b *bed) {
			b.store.failing(func(operation string) error {
				if operation == "Jobs" || operation == "AdvanceJob job_1" {
					return errStore
				}
				return nil
			})
			sleep(time.Hour)
			if n := b.store.called("Jobs", "AdvanceJob job_1"); n > 480 {
				b.Errorf("it was tried %d times", n)
			}
			b.store.failing(nil)
		},
		"restart": func(b *bed) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			b.engine.Stop(ctx)
			b.restart()
			b.begin(delivery.Destination{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{})
				last := b.fill(toApp, 1000)
				sleep(time.Minute)
				b.wantStates(map[store.State]int{store.Delivered: int(last)})
				b.app.reset()
				b.store.createJob("job_1", toApp)
				b.store.createJob("job_2", toApp)
				b.engine.StartJobs()
				b.engine.StartJobs()
				interfere(b)
				sleep(5 * time.Minute)
				jobs, err := b.store.Jobs(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				for _, job := range jobs {
					if job.State != "done" || job.Done != last {
						t.Errorf("%+v", job)
					}
				}
				b.wantStates(map[store.State]int{store.Delivered: int(last)})
				if n := len(b.app.tries()); n < int(last) {
					t.Errorf("%d attempts; want %d at least", n, last)
				}
				before := b.store.called("Jobs")
				sleep(time.Hour)
				if n := b.store.called("Jobs") - before; n > 0 {
					t.Errorf("%d queries after the end", n)
				}
				b.store.createJob("job_3", toApp)
				b.app.reset()
				b.engine.StartJobs()
				sleep(time.Minute)
				if n := len(b.app.tries()); n != int(last) {
					t.Errorf("%d attempts for the third; want %d", n, last)
				}
			})
		})
	}
}

// TestOneBrokenJobStopsNoOther.
func TestOneBrokenJobStopsNoOther(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.fill(toApp, 500)
		sleep(time.Minute)
		b.store.failing(func(operation string) error {
			if operation == "AdvanceJob job_1" {
				return errStore
			}
			return nil
		})
		b.store.createJob("job_1", toApp)
		b.store.createJob("job_2", toApp)
		b.engine.StartJobs()
		sleep(5 * time.Minute)
		jobs, _ := b.store.Jobs(context.Background())
		if jobs[0].State != "running" || jobs[1].State != "done" {
			t.Errorf("%+v", jobs)
		}
	})
}

// TestRetry makes anything due now.
func TestRetry(t *testing.T) {
	inBubble(t, func(b *bed) {
		ctx := context.Background()
		b.begin(delivery.Destination{Retry: []time.Duration{10 * time.Hour}})
		b.app.says(status(422))
		waiting := b.accept(toApp)
		sleep(time.Second)
		b.app.says(status(410))
		dead := b.accept(toApp)
		sleep(time.Second)
		b.app.says(nil)
		delivered := b.accept(toApp)
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Pending: 1, store.Dead: 1, store.Delivered: 1})
		for _, seq := range []int64{waiting, dead, delivered} {
			if err := b.engine.Retry(ctx, store.DeliveryID{Seq: seq}); err != nil {
				t.Error(err)
			}
		}
		sleep(time.Second)
		b.wantStates(map[store.State]int{store.Delivered: 3})
		if b.app.got(waiting) != 1 || b.app.got(dead) != 1 || b.app.got(delivered) != 2 {
			t.Errorf("delivered %d, %d and %d times", b.app.got(waiting), b.app.got(dead), b.app.got(delivered))
		}
		if err := b.engine.Retry(ctx, store.DeliveryID{Seq: 99}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown one: %v", err)
		}
		b.store.failing(func(operation string) error {
			if operation == "Rearm" {
				return errStore
			}
			return nil
		})
		if err := b.engine.Retry(ctx, store.DeliveryID{Seq: dead}); !errors.Is(err, errStore) {
			t.Errorf("the store fails: %v", err)
		}
	})
}

package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestOneGatewayRunsTheJobs: that of the least number, whoever has made them; if it dies
// or leaves, the next goes on where it was.
func TestOneGatewayRunsTheJobs(t *testing.T) {
	for name, test := range map[string]struct {
		end    func(c *cluster)
		runner int
		soon   time.Duration
	}{
		"all live":               {func(*cluster) {}, 0, 5 * time.Second},
		"the first is dead":      {func(c *cluster) { c.gateways[0].kill() }, 1, fakeLease + 5*time.Second},
		"the first has no lease": {func(c *cluster) { c.gateways[0].lapse() }, 1, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, 3, func(c *cluster) {
				c.begin(delivery.Destination{})
				last := c.fill(c.gateways[2], 1000)
				sleep(time.Minute)
				c.wantAll(last, 1)
				test.end(c)
				c.store.createJob("job_1", toApp)
				c.gateways[2].engine.StartJobs()
				before := c.gateways[0].called("AdvanceJob")
				sleep(test.soon)
				jobs, err := c.store.Jobs(context.Background())
				if err != nil || jobs[0].State != store.JobDone || jobs[0].Done != last {
					t.Errorf("%+v, %v; want it done", jobs, err)
				}
				sleep(10 * time.Second)
				c.wantTwice(last)
				for i, g := range c.gateways {
					n := g.called("AdvanceJob")
					if i == 0 {
						n -= before
					}
					if i == test.runner && n == 0 || i != test.runner && n > 0 {
						t.Errorf("gateway %d has advanced it %d times", g.number, n)
					}
				}
			})
		})
	}
}

// wantTwice checks that all events up to a number were delivered a second time.
func (c *cluster) wantTwice(last int64) {
	c.Helper()
	c.wantStates(map[store.State]int{store.Delivered: int(last)})
	for seq := int64(1); seq <= last; seq++ {
		if _, delivered := c.ledger.of(seq); delivered != 2 {
			c.Errorf("event %d was delivered %d times; want twice", seq, delivered)
		}
	}
	c.wantNoOverlap()
}

// TestJobGoesOnWithTheNext: the gateway that runs a job dies in the middle of it.
func TestJobGoesOnWithTheNext(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		c.begin(delivery.Destination{})
		last := c.fill(b, 2000)
		sleep(time.Minute)
		c.store.createJob("job_1", toApp)
		c.store.slow(100 * time.Millisecond)
		a.engine.StartJobs()
		sleep(300 * time.Millisecond)
		a.kill()
		c.store.slow(time.Millisecond)
		jobs, err := c.store.Jobs(context.Background())
		if err != nil || jobs[0].State != store.JobRunning || jobs[0].Done == 0 {
			t.Fatalf("%+v, %v; want it in the middle", jobs, err)
		}
		sleep(time.Minute)
		jobs, err = c.store.Jobs(context.Background())
		if err != nil || jobs[0].State != store.JobDone || jobs[0].Done != last {
			t.Errorf("%+v, %v; want it done", jobs, err)
		}
		c.wantStates(map[store.State]int{store.Delivered: int(last)})
		c.wantNoOverlap()
	})
}

// TestLeaderAsksForJobs once a second, and the others do not.
func TestLeaderAsksForJobs(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		c.begin(delivery.Destination{})
		sleep(10 * time.Minute)
		if n := c.gateways[0].called("Jobs"); n < 590 || n > 601 {
			t.Errorf("the first has asked %d times in 10 min", n)
		}
		if n := c.gateways[1].called("Jobs"); n > 0 {
			t.Errorf("the second has asked %d times", n)
		}
	})
}

// TestPauseIsForAll: one that an operator sets at one gateway holds at all others within
// two seconds, and so does its end.
func TestPauseIsForAll(t *testing.T) {
	inCluster(t, 3, func(c *cluster) {
		ctx := context.Background()
		c.begin(delivery.Destination{})
		sleep(time.Minute)
		if err := c.gateways[0].engine.Pause(ctx, toApp); err != nil {
			t.Fatal(err)
		}
		sleep(2 * time.Second)
		var last int64
		for _, g := range c.gateways {
			last = c.fill(g, 100)
		}
		sleep(time.Hour)
		c.wantStates(map[store.State]int{store.Pending: int(last)})
		if tried, _ := c.ledger.of(1); tried > 0 {
			t.Error("it was attempted during the pause")
		}
		for _, g := range c.gateways {
			if n := g.owned(); n > 0 {
				t.Errorf("gateway %d has claimed %d during the pause", g.number, n)
			}
			if n := g.called("Claim"); n > 70 {
				t.Errorf("gateway %d has read %d times during the pause", g.number, n)
			}
			if g.engine.Status()[0].Paused.IsZero() {
				t.Errorf("gateway %d does not say that it is paused", g.number)
			}
		}
		if err := c.gateways[2].engine.Resume(ctx, toApp); err != nil {
			t.Fatal(err)
		}
		sleep(2 * time.Second)
		fresh := c.fill(c.gateways[1], 10)
		sleep(2 * time.Second)
		c.wantAll(fresh, 1)
		for _, g := range c.gateways {
			if !g.engine.Status()[0].Paused.IsZero() {
				t.Errorf("gateway %d says that it is paused", g.number)
			}
		}
	})
}

// TestPauseOfAnotherLeavesWhatIsQueued: a gateway that learns of a pause gives back what
// it had claimed, so that another has it at once when the pause is over.
func TestPauseOfAnotherLeavesWhatIsQueued(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		a.app.says(after(10*time.Second, status(200)))
		c.begin(delivery.Destination{Concurrency: 2})
		last := c.fill(a, 100)
		if err := b.engine.Pause(context.Background(), toApp); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if n := a.tried(); n != 2 {
			t.Errorf("%d attempts; want the two that were in flight", n)
		}
		if n := a.owned(); n > 0 {
			t.Errorf("it has %d still", n)
		}
		a.kill()
		if err := b.engine.Resume(context.Background(), toApp); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		c.wantAll(last, 1)
	})
}

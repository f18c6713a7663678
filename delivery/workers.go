package delivery

import "time"

const (
	// maxIdle is how many goroutines wait for the next attempt at most, and idleTime how
	// long.
	maxIdle  = 64
	idleTime = 10 * time.Second
)

// workers make attempts. A goroutine that has made one waits a little for the next, of
// whatever destination: by then it has the stack that an attempt takes, which a new one
// would have to grow into, step by step.
type workers struct {
	next chan job
	idle chan struct{} // has an entry for each that waits
}

// job is an attempt that has begun.
type job struct {
	at *dispatcher
	of *task
}

func newWorkers() workers {
	return workers{next: make(chan job), idle: make(chan struct{}, maxIdle)}
}

// work has an attempt made.
func (e *Engine) work(j job) {
	select {
	case e.workers.next <- j:
	default:
		e.goroutines.Go(func() { e.worker(j) })
	}
}

// worker makes attempts until none has come for a while.
func (e *Engine) worker(j job) {
	rest := time.NewTimer(idleTime)
	defer rest.Stop()
	for {
		j.at.work(j.of)
		select {
		case e.workers.idle <- struct{}{}:
		default:
			return
		}
		rest.Reset(idleTime)
		more := true
		select {
		case j = <-e.workers.next:
		case <-rest.C:
			more = false
		case <-e.ctx.Done():
			more = false
		}
		<-e.workers.idle
		if !more {
			return
		}
	}
}

package delivery

import "slices"

// Generation is the destinations of one configuration. Of all generations that have
// begun and are not removed, the newest delivers, and it alone: a destination that
// it lacks is parked, also if an older one has it. How a destination fares is known
// across generations.
type Generation struct {
	engine       *Engine
	destinations map[string]*Destination
	directory    Directory // nil: none
	begun        bool      // under the engine's lock
}

// Add registers the destinations of a new configuration, the names of which have to
// differ, and a directory of those that come and go; nil if there is none. Nothing is
// attempted for it before [Generation.Begin]: until then the one before goes on.
func (e *Engine) Add(destinations []Destination, directory Directory) *Generation {
	g := &Generation{engine: e, destinations: make(map[string]*Destination, len(destinations)), directory: directory}
	for _, d := range destinations {
		g.destinations[d.Name] = d.withDefaults()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.generations = append(e.generations, g)
	for name := range g.destinations {
		e.dispatcherLocked(name)
	}
	return g
}

// Begin makes the generation deliver, unless it is removed or there is a newer one
// that does. Attempts in flight go on as they began. Further calls do nothing.
func (g *Generation) Begin() {
	e := g.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if g.begun || e.stopping || !slices.Contains(e.generations, g) {
		return
	}
	g.begun = true
	if !e.begun {
		e.begun = true
		e.goroutines.Go(e.keep)
		if e.store.Standing().Shared {
			e.goroutines.Go(e.share)
		} else {
			e.startJobs()
		}
	}
	e.apply()
}

// Remove takes the generation off: the newest of the others delivers. It aborts no
// attempt in flight. Further calls do nothing.
func (g *Generation) Remove() {
	e := g.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.generations, g)
	if i < 0 {
		return
	}
	e.generations = slices.Delete(e.generations, i, i+1)
	e.apply()
}

// apply gives the dispatchers the settings of the generation that delivers. The
// engine's lock is held.
func (e *Engine) apply() {
	if e.stopping {
		return
	}
	e.current = nil
	for _, g := range slices.Backward(e.generations) {
		if g.begun {
			e.current = g
			break
		}
	}
	for name, d := range e.dispatchers {
		d.configure(e.settings(name))
	}
	e.rouse()
}

// settings returns those of a destination now, nil if no generation delivers to it, and
// whether they are of a directory. The engine's lock is held.
func (e *Engine) settings(name string) (settings *Destination, lazy bool) {
	if e.current == nil {
		return nil, false
	}
	return e.current.settings(name)
}

func (g *Generation) settings(name string) (settings *Destination, lazy bool) {
	if d := g.destinations[name]; d != nil || g.directory == nil {
		return d, false
	}
	if d, ok := g.directory.Destination(name); ok {
		d.Name = name
		return d.withDefaults(), true
	}
	return nil, false
}

// parked reports whether no generation will deliver to a destination: neither the
// one that does now nor the newest. The engine's lock is held.
func (e *Engine) parked(name string) bool {
	for _, g := range slices.Backward(e.generations) {
		if d, _ := g.settings(name); d != nil {
			return false
		}
		if g.begun {
			break
		}
	}
	return true
}

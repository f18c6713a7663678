package cli

import (
	"errors"
	"math"
)

// kind is what a target is to the gateway.
type kind int

const (
	genuine kind = iota
	duplicate
	forged
	stale
	kinds
)

// mix chooses kinds so that at any time each has had its share of all, give or
// take one or two targets.
type mix struct {
	share [kinds]float64
	had   [kinds]float64
	total float64
}

// complete gives what is left of the whole to genuine targets.
func (m *mix) complete() error {
	m.share[genuine] = 1
	for _, share := range m.share[duplicate:] {
		if math.IsNaN(share) || share < 0 || share > 1 {
			return errors.New("a share is a number from 0 to 1")
		}
		m.share[genuine] -= share
	}
	const rounding = 1e-9
	if m.share[genuine] < -rounding {
		return errors.New("the shares are more than 1 together")
	}
	m.share[genuine] = max(0, m.share[genuine])
	return nil
}

// next returns the kind that lags behind most.
func (m *mix) next() kind {
	m.total++
	chosen := genuine
	for k := range kinds {
		if m.share[k]*m.total-m.had[k] > m.share[chosen]*m.total-m.had[chosen] {
			chosen = k
		}
	}
	m.had[chosen]++
	return chosen
}

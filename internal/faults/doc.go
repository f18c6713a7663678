// Package faults is what tests of crashes and faults share: a disk whose power can be
// cut, on Linux, and how much of a long test is run. It is for tests only.
package faults

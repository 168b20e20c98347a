package replog

import "sync"

// Dict is what a reader knows of the names of one shard of one incarnation. The zero Dict knows none. Records must be
// read in the order in which they were written for it to know all that can be known.
type Dict struct {
	epoch  uint64
	at     []uint64          // by number: block<<32 | offset<<16 | length of the name; 0 = not known
	far    map[uint64]uint64 // the same for numbers that are far ahead of what was spelled
	count  uint64            // names that were spelled
	blocks [][]byte
}

const (
	dictBlock = 64 << 10
	// farAhead bounds the table: it has at most so many places for each name that was spelled, and a few.
	farAhead = 4
	fewNames = 1024
)

// Names is the number of names that were spelled since the last NewEpoch, those of two records twice.
func (d *Dict) Names() int { return int(d.count) }

// enter forgets what it knows when a record is of another epoch.
func (d *Dict) enter(epoch uint64) {
	if d.epoch != epoch {
		*d = Dict{epoch: epoch, at: d.at[:0], blocks: d.blocks[:0]}
	}
}

// name gives the name of a number, nil when it is not known.
func (d *Dict) name(epoch, number uint64) []byte {
	d.enter(epoch)
	at := uint64(0)
	if number < uint64(len(d.at)) {
		at = d.at[number]
	}
	if at == 0 && d.far != nil {
		at = d.far[number]
	}
	if at == 0 {
		return nil
	}
	return d.text(at)
}

func (d *Dict) text(at uint64) []byte {
	from, n := at>>16&0xffff, at&0xffff
	return d.blocks[at>>32][from : from+n : from+n]
}

// learn notes a name. It gives it in memory that stays.
func (d *Dict) learn(epoch, number uint64, name []byte) []byte {
	if known := d.name(epoch, number); string(known) == string(name) {
		return known
	}
	d.count++
	at := d.keep(name)
	if number >= farAhead*d.count+fewNames {
		if d.far == nil {
			d.far = map[uint64]uint64{}
		}
		d.far[number] = at
		return d.text(at)
	}
	for number >= uint64(len(d.at)) {
		d.at = append(d.at, 0)
	}
	d.at[number] = at
	return d.text(at)
}

// keep copies a name into a block.
func (d *Dict) keep(name []byte) uint64 {
	last := len(d.blocks) - 1
	if last < 0 || len(d.blocks[last])+len(name) > dictBlock {
		d.blocks = append(d.blocks, make([]byte, 0, dictBlock))
		last++
	}
	from := len(d.blocks[last])
	d.blocks[last] = append(d.blocks[last], name...)
	return uint64(last)<<32 | uint64(from)<<16 | uint64(len(name))
}

// Names is a Dict that one writes while others read. The zero Names knows none.
type Names struct {
	mu   sync.RWMutex // protects dict
	dict Dict
}

func (n *Names) learn(epoch, number uint64, name []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dict.learn(epoch, number, name)
}

// View calls fn with the Dict, which must be read only, with records whose names it knows. What it gives stays good.
func (n *Names) View(fn func(d *Dict)) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	fn(&n.dict)
}

// Size is the memory it holds, bytes, about.
func (n *Names) Size() int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return int64(len(n.dict.blocks))*dictBlock + int64(cap(n.dict.at))*8 + int64(len(n.dict.far))*16
}

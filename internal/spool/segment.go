package spool

import (
	"encoding/binary"
	"hash/crc32"
)

const headerSize = 12

// maxRecord is the longest payload: longer lengths are damage.
const maxRecord = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is what Append was given.
type Record struct {
	Points  int
	Payload []byte
}

func appendRecord(dst []byte, r Record) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.Payload)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.Points))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[at:at+8], r.Payload))
	return append(dst, r.Payload...)
}

func checksum(header, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, payload)
}

// parseSegment gives the records of a segment, and how many bytes behind them are none.
func parseSegment(data []byte) (records []Record, damaged int) {
	for len(data) >= headerSize {
		size := binary.LittleEndian.Uint32(data)
		if size > maxRecord || int(size) > len(data)-headerSize {
			break
		}
		payload := data[headerSize : headerSize+int(size)]
		if checksum(data[:8], payload) != binary.LittleEndian.Uint32(data[8:]) {
			break
		}
		records = append(records, Record{int(binary.LittleEndian.Uint32(data[4:])), payload})
		data = data[headerSize+int(size):]
	}
	return records, len(data)
}

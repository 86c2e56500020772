// The two codec packages come without types; this is the part that compression.ts uses.

declare module 'lz4js' {
  const lz4: { decompress(packed: Uint8Array, bytesMax?: number): Uint8Array }
  export default lz4
}

declare module 'snappyjs' {
  const snappy: { uncompress(packed: Uint8Array, bytesMax?: number): Uint8Array }
  export default snappy
}

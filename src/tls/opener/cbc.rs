//! Records of block ciphers in CBC mode with an HMAC, before or after encryption (RFC 5246 6.2.3.2, RFC 7366).

use std::ops::Range;

use cbc::cipher::{Array, BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit};

use crate::tls::record::{RecordHeader, Version};
use crate::tls::suite::Block;

use super::mac::{MacKey, additional_data12, restored};

/// The longest block of a cipher.
const LONGEST: usize = 16;

/// One direction's cipher and HMAC.
pub(super) struct Cbc {
    block: Block,
    cipher: Cipher,
    mac: MacKey,
    encrypt_then_mac: bool,
    /// TLS 1.0: the last ciphertext block of the record before, at the front; `None` where that is not known.
    chain: Option<[u8; LONGEST]>,
}

enum Cipher {
    Aes128(aes::Aes128),
    Aes256(aes::Aes256),
    Camellia128(Box<camellia::Camellia128>),
    Camellia256(Box<camellia::Camellia256>),
    TripleDes(Box<des::TdesEde3>),
}

impl Cipher {
    fn new(block: Block, key: &[u8]) -> Option<Self> {
        fn boxed<C: KeyInit>(key: &[u8]) -> Option<Box<C>> {
            C::new_from_slice(key).ok().map(Box::new)
        }
        match block {
            Block::Aes128 => aes::Aes128::new_from_slice(key).ok().map(Self::Aes128),
            Block::Aes256 => aes::Aes256::new_from_slice(key).ok().map(Self::Aes256),
            Block::Camellia128 => boxed(key).map(Self::Camellia128),
            Block::Camellia256 => boxed(key).map(Self::Camellia256),
            Block::TripleDes => boxed(key).map(Self::TripleDes),
        }
    }

    fn decrypt(&self, iv: &[u8], blocks: &mut [u8]) -> Option<()> {
        match self {
            Self::Aes128(cipher) => decrypt(cipher, iv, blocks),
            Self::Aes256(cipher) => decrypt(cipher, iv, blocks),
            Self::Camellia128(cipher) => decrypt(&**cipher, iv, blocks),
            Self::Camellia256(cipher) => decrypt(&**cipher, iv, blocks),
            Self::TripleDes(cipher) => decrypt(&**cipher, iv, blocks),
        }
    }
}

fn decrypt<C: BlockCipherDecrypt>(cipher: &C, iv: &[u8], blocks: &mut [u8]) -> Option<()> {
    let iv = Array::<u8, C::BlockSize>::try_from(iv).ok()?;
    let (blocks, _) = Array::<u8, C::BlockSize>::slice_as_chunks_mut(blocks);
    cbc::Decryptor::inner_iv_init(cipher, &iv).decrypt_blocks(blocks);
    Some(())
}

impl Cbc {
    /// `iv` is the key block's, which only TLS 1.0 uses.
    pub(super) fn new(
        block: Block,
        key: &[u8],
        mac: MacKey,
        encrypt_then_mac: bool,
        iv: &[u8],
    ) -> Option<Self> {
        Some(Self {
            block,
            cipher: Cipher::new(block, key)?,
            mac,
            encrypt_then_mac,
            chain: padded(iv),
        })
    }

    /// A record went by unopened; `None` where its bytes are not known.
    pub(super) fn passed(&mut self, body: Option<&[u8]>) {
        self.chain = body.and_then(|body| self.last_block(body));
    }

    pub(super) fn lacks_iv(&self) -> bool {
        self.chain.is_none()
    }

    /// Bytes of the fragment before a MAC over the ciphertext.
    fn sealed_len(&self, body: &[u8]) -> Option<usize> {
        match self.encrypt_then_mac {
            true => body.len().checked_sub(self.mac.len()),
            false => Some(body.len()),
        }
    }

    fn last_block(&self, body: &[u8]) -> Option<[u8; LONGEST]> {
        let sealed = body.get(..self.sealed_len(body)?)?;
        padded(sealed.get(sealed.len().checked_sub(self.block.len())?..)?)
    }

    pub(super) fn open(
        &mut self,
        version: Version,
        sequence: u64,
        header: RecordHeader,
        body: &mut [u8],
        scratch: &mut Vec<u8>,
    ) -> Option<Range<usize>> {
        let last_block = self.last_block(body);
        let opened = self.decrypt(version, sequence, header, body, scratch)?;
        self.chain = last_block;
        Some(opened)
    }

    fn decrypt(
        &self,
        version: Version,
        sequence: u64,
        header: RecordHeader,
        body: &mut [u8],
        scratch: &mut Vec<u8>,
    ) -> Option<Range<usize>> {
        let block = self.block.len();
        let explicit = if version >= Version::TLS1_1 { block } else { 0 };
        let iv = match explicit {
            0 => self.chain?,
            _ => padded(body.get(..block)?)?,
        };
        let iv = iv.get(..block)?;
        let sealed_len = self.sealed_len(body)?;
        let blocks = explicit..sealed_len;
        if blocks.is_empty() || !blocks.len().is_multiple_of(block) {
            return None;
        }
        if self.encrypt_then_mac {
            let (sealed, tag) = body.split_at_mut_checked(sealed_len)?;
            let (aad, _) = additional_data12(sequence, header, sealed_len);
            self.mac.verify([&aad, sealed], tag)?;
            let sealed = sealed.get_mut(explicit..)?;
            self.cipher.decrypt(iv, sealed)?;
            let content_len = sealed.len().checked_sub(padding_len(sealed)?)?;
            return Some(explicit..explicit + content_len);
        }
        restored(scratch, body.get_mut(blocks)?, |sealed| {
            self.cipher.decrypt(iv, sealed)?;
            let content_len = sealed
                .len()
                .checked_sub(padding_len(sealed)? + self.mac.len())?;
            let (content, rest) = sealed.split_at_checked(content_len)?;
            let (aad, _) = additional_data12(sequence, header, content_len);
            self.mac
                .verify([&aad, content], rest.get(..self.mac.len())?)?;
            Some(explicit..explicit + content_len)
        })
    }
}

fn padded(block: &[u8]) -> Option<[u8; LONGEST]> {
    let mut out = [0; LONGEST];
    out.get_mut(..block.len())?.copy_from_slice(block);
    Some(out)
}

/// Bytes of the padding at the end, its length byte included (RFC 5246 6.2.3.2); `None` where it is not one.
fn padding_len(bytes: &[u8]) -> Option<usize> {
    let last = *bytes.last()?;
    let len = usize::from(last) + 1;
    let padding = bytes.get(bytes.len().checked_sub(len)?..)?;
    padding.iter().all(|byte| *byte == last).then_some(len)
}

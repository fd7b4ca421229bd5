/** Whether a text is an IP address, as the operating system would read it. */

/** Four decimal bytes. */
export function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

/** IPv6 without brackets. */
export function isIpv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`);
}

/** Either version. */
export function isIp(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

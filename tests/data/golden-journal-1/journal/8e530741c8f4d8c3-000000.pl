043df1181bb0e956368e0218302fdaa95aa1603fee7ec9380ffbfa8dbabd1bf3 {"content":"Refund order 7, please. Größe: 😀","role":"user"}
eafd26c00bde37300a233823a14d967f5198a248147091679fe0ea5b2c8534ee {"content":"","role":"assistant"}
55e21238d046fc52a2eb201d503835f5590e32a6de72865a9faf908ff46b9b36 {"amount":12.5,"currency":"EUR"}

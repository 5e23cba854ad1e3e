f60d96b7530f249d79717871effa97e9 {"content":"done 3","role":"tool"}
c88723c8d309b1cf8da24f1457ac7ce4 {"content":"","role":"ai","tool_calls":[{"args":{"amount":4},"id":"c4","name":"refund"}]}
b2cbcedeec1a5af346c5afc22cffca42 {"content":"done 4","role":"tool"}
0e876986ce875ad98d83a977895d27ce {"content":"","role":"ai","tool_calls":[{"args":{"amount":5},"id":"c5","name":"refund"}]}
-------------------------------------------------------------------

-- What hanscope wrote into the comments of a capture, as fields and trees of Wireshark.
-- SPDX-License-Identifier: GPL-2.0-or-later
-- Written by `hanscope install-wireshark`: do not edit, it is written anew with the next version.
--
-- Behind the line MARK each line of a comment is one of
--   *title                                            a branch, in which the fields that follow stand
--   =field TAB value                                  a field
--   #buffer TAB hex                                   octets that are not in the frame as they are
--   +depth TAB buffer TAB offset TAB length TAB text  a line of a tree; buffer "frame" is the frame itself
--   @length                                           of the frame without what the capture put around it

local mark = MARK
local declared = {
-- FIELDS
}

local proto = Proto("hanscope", "hanscope")
local fields, kinds, list = {}, {}, {}
for _, one in ipairs(declared) do
  local name, kind, meaning = one[1], one[2], one[3]
  local title = name:gsub("^hanscope%.", "")
  if kind == "count" then
    fields[name] = ProtoField.uint64(name, title, base.DEC, nil, nil, meaning)
  elseif kind == "number" then
    fields[name] = ProtoField.double(name, title, meaning)
  else
    fields[name] = ProtoField.string(name, title, base.UNICODE, meaning)
  end
  kinds[name] = kind
  list[#list + 1] = fields[name]
end
proto.fields = list

local comments = Field.new("frame.comment")
local DEEPEST = 60
local FIELD, BRANCH, NODE, OCTETS, LENGTH = ("=*+#@"):byte(1, 5)

local function whole(text)
  local number = tonumber(text)
  if number == nil or number < 0 or number ~= math.floor(number) then return nil end
  return number
end

local find, sub, byte = string.find, string.sub, string.byte

local function add_field(tree, line)
  local tab = find(line, "\t", 2, true)
  if not tab then return end
  local name, value = sub(line, 2, tab - 1), sub(line, tab + 1)
  local field = fields[name]
  if not field then return end
  local kind = kinds[name]
  if kind == "count" then
    local digits = value:match("^%x+$")
    if digits and #digits <= 16 then tree:add(field, UInt64.fromhex(digits)) end
  elseif kind == "number" then
    local number = tonumber(value)
    if number then tree:add(field, number) end
  else
    tree:add(field, value)
  end
end

local function add_octets(buffers, line)
  local name, digits = line:match("^#([^\t]+)\t(%x+)$")
  if name and #digits % 2 == 0 then
    buffers[name] = ByteArray.new(digits):tvb(name)
  end
end

local function range_of(buffers, name, offset, length)
  local buffer = buffers[name]
  if buffer == nil then return nil end
  if name == "frame" then offset = offset + buffers.shift end
  local size = buffer:len()
  if offset >= size then return nil end
  if offset + length > size then length = size - offset end
  if length < 1 then return nil end
  return buffer:range(offset, length)
end

local function add_node(stack, buffers, line)
  local depth, name, offset, length, text = line:match("^%+(%d+)\t([^\t]*)\t(%d+)\t(%d+)\t(.*)$")
  depth, offset, length = whole(depth), whole(offset), whole(length)
  if not (depth and offset and length) or depth > DEEPEST then return end
  local parent = stack[depth]
  if parent == nil then return end
  local range = range_of(buffers, name, offset, length)
  if range then
    stack[depth + 1] = parent:add(range, text)
  else
    stack[depth + 1] = parent:add(text)
  end
  for deeper = depth + 2, #stack do stack[deeper] = nil end
end

local function read(text, tvb, tree)
  local buffers, subtree = { frame = tvb, shift = 0 }, nil
  local stack, branch = {}, nil
  -- Trees and tabs only for those who look at them; fields for filters, too.
  local visible = tree.visible
  for line in text:gmatch("[^\n]+") do
    subtree = subtree or tree:add(proto, tvb(), "hanscope")
    stack[0] = stack[0] or subtree
    local sign = byte(line)
    if sign == FIELD then
      add_field(branch or subtree, line)
    elseif not visible then
      branch = nil
    elseif sign == BRANCH then
      branch = subtree:add(sub(line, 2))
    elseif sign == NODE then
      add_node(stack, buffers, line)
    elseif sign == OCTETS then
      add_octets(buffers, line)
    elseif sign == LENGTH then
      local length = whole(sub(line, 2))
      if length and length <= tvb:len() then buffers.shift = tvb:len() - length end
    end
  end
end

function proto.dissector(tvb, pinfo, tree)
  for _, one in ipairs({ comments() }) do
    local text = one.value
    if type(text) == "string" then
      local from, to = text:find(mark .. "\n", 1, true)
      if from and (from == 1 or text:sub(from - 1, from - 1) == "\n") then
        read(text:sub(to + 1), tvb, tree)
      end
    end
  end
end

register_postdissector(proto)

# frozen_string_literal: true

# Why a user gets a treatment, in the directory examples/data.
require 'splitclient-rb'

factory = SplitIoClient::SplitFactory.new(
  'localhost', split_file: 'environment.json', segment_directory: 'segments', logger: Logger.new($stderr)
)
client = factory.client
client.block_until_ready(5)
# doc: explain
account = client.explain('zoe', 'loyalty_tier', { orders: 12 })
puts "#{account[:treatment]}: #{account[:label]}"
steps = account.dig(:evaluation, :steps) || [] # none where nothing was evaluated; account[:status] says why
steps.each do |step|
  puts "#{step[:result] ? 'yes' : 'no'} #{step[:label]}" if step[:step] == 'condition'
end
# doc: end
client.destroy

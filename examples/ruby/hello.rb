# frozen_string_literal: true

require 'splitclient-rb'

factory = SplitIoClient::SplitFactory.new('localhost', split_file: 'flags.yaml', logger: Logger.new($stderr))
client = factory.client
client.block_until_ready(5)
answer = client.get_treatment_with_config('ann', 'new_checkout', { age: 30, plan: 'pro' })
puts "#{answer[:treatment]} #{answer[:config]}"
client.destroy
